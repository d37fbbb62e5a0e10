/**
 * Where in a value something stands.
 *
 * @module
 */

/** The keys that lead to a value. */
export type Path = (string | number)[];

/** `input.rows[3]["first name"]` */
export function pathText(name: string, path: Path): string {
  const partOf = (key: string | number) => {
    if (typeof key === "number") return `[${key}]`;
    return /^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key.slice(0, 60))}]`;
  };
  const parts = path.length > 20
    ? [...path.slice(0, 10).map(partOf), "...", ...path.slice(-10).map(partOf)]
    : path.map(partOf);
  return name + parts.join("");
}
