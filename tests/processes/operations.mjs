// The operations of one writer: endless, the same for the same seed, and only on ids of its own.

/** A linear congruential generator (Numerical Recipes): operations.py has the same. */
export function* numbers(seed) {
  let state = seed >>> 0;
  for (;;) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state >>> 8;
  }
}

/** Gives `[operation, id, content]`. */
export function* operations(prefix, seed) {
  const random = numbers(seed);
  const next = (end) => random.next().value % end;
  const live = [];
  for (let n = 1; ; n++) {
    const kind = next(10);
    if (kind < 5 || live.length === 0) {
      live.push(`${prefix}-${n}`);
      yield ["add", `${prefix}-${n}`, `note ${n} about tea and rain`];
    } else if (kind < 6) {
      live.push(...[0, 1, 2].map((k) => `${prefix}-${n}.${k}`));
      yield ["addMany", `${prefix}-${n}`, `one of three, ${n}`];
    } else if (kind < 9) {
      yield ["update", live[next(live.length)], `changed in ${n}`];
    } else {
      yield ["delete", ...live.splice(next(live.length), 1), ""];
    }
  }
}
