// What tests leave behind.

const cleanups: (() => unknown)[] = []

export const cleanUpLater = (clean: () => unknown): void => void cleanups.push(clean)

/** To be called after each test. */
export async function cleanUp(): Promise<void> {
  for (const clean of cleanups.splice(0).reverse()) await clean()
}
