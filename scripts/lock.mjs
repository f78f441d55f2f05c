// A lock between the commands of one checkout. A lock whose owner has ended is taken over.
import fs from 'node:fs'
import path from 'node:path'

/** A process id can be used again, so its start time belongs to it where the system tells it. */
function startTime(pid) {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    return ''
  }
}

function isAlive(pid, started) {
  try {
    process.kill(pid, 0)
  } catch (error) {
    // EPERM: it belongs to another user.
    if (error.code !== 'EPERM') return false
  }
  return startTime(pid) === started
}

function ownerOf(directory) {
  try {
    const [pid, started = ''] = fs.readFileSync(path.join(directory, 'owner'), 'utf8').split(' ')
    return { pid: Number(pid), started }
  } catch {
    return undefined
  }
}

/** Renaming is atomic: of several that find a stale lock, each sees what it has moved away, and puts back a live one. */
function removeStale(directory) {
  const aside = `${directory}.${process.pid}`
  try {
    fs.renameSync(directory, aside)
  } catch {
    return
  }
  const owner = ownerOf(aside)
  if (owner && isAlive(owner.pid, owner.started)) fs.renameSync(aside, directory)
  else remove(aside)
}

function remove(directory) {
  fs.rmSync(directory, { recursive: true, force: true })
}

/** Away in one step: a lock that is half removed could be taken and then be removed with its new owner in it. */
function release(directory) {
  fs.renameSync(directory, `${directory}.${process.pid}`)
  remove(`${directory}.${process.pid}`)
}

/**
 * Runs `work` while this process holds the lock `directory`. `onWait` is called once, with the owner's process id,
 * where another process holds it.
 */
export async function withLock(directory, onWait, work) {
  fs.mkdirSync(path.dirname(directory), { recursive: true })
  // Filled before it gets its name, so that a lock without an owner does not exist.
  const own = fs.mkdtempSync(`${directory}.new-`)
  fs.writeFileSync(path.join(own, 'owner'), `${process.pid} ${startTime(process.pid)}`)
  let held = false
  const leave = () => (held ? release(directory) : remove(own))
  process.on('exit', leave)
  try {
    for (let waited = false; ; ) {
      try {
        fs.renameSync(own, directory)
        held = true
        break
      } catch (error) {
        if (!['ENOTEMPTY', 'EEXIST', 'EPERM'].includes(error.code)) throw error
      }
      const owner = ownerOf(directory)
      if (owner && isAlive(owner.pid, owner.started)) {
        if (!waited) onWait(owner.pid)
        waited = true
        await new Promise((resolve) => setTimeout(resolve, 100))
      } else {
        removeStale(directory)
      }
    }
    return await work()
  } finally {
    process.off('exit', leave)
    leave()
  }
}
