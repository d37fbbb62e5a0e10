/*
** What C's strftime, for os.date, writes numbers by: one integer, of a width of one digit, by
** format.zig. C's own snprintf takes 16 KB.
*/
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

int cu_format_integer(char *text, const char *format, long long integer);

int snprintf(char *text, size_t size, const char *format, ...) {
    char copy[16];
    va_list arguments;
    va_start(arguments, format);
    strcpy(copy, format);
    char *width = strchr(copy, '*');
    if (width) *width = (char)('0' + va_arg(arguments, int));
    long long integer = strchr(format, 'l') ? va_arg(arguments, long long) : va_arg(arguments, int);
    va_end(arguments);
    return cu_format_integer(text, copy, integer);
}
