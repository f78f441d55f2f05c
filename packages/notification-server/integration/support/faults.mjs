// A store whose process kills itself when it writes what it was told to wait for.

const kill = () => process.kill(process.pid, 'SIGKILL')

/** `killAt`: `before` or `after` it has stored the next rows of that kind. */
export function faults() {
  let fault
  return {
    killAt(when, rows) {
      fault = { when, rows }
    },
    of: (store) => ({
      ...store,
      async atomic(selection, change) {
        let isDue = false
        const result = await store.atomic(selection, (present) => {
          const decision = change(present)
          isDue = fault !== undefined && (decision.changes[fault.rows]?.length ?? 0) > 0
          if (isDue && fault.when === 'before') kill()
          return decision
        })
        if (isDue) kill()
        return result
      },
    }),
  }
}
