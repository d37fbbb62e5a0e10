/* Nothing here raises signals; lstate.h wants only a type (l_signalT). */
