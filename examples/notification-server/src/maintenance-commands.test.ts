import fs from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { exitCodes, type Running } from 'example-chat'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { backupCommand } from './admin-commands.js'
import { initCommand } from './init.js'
import { migrateCommand, rekeyCommand } from './maintenance-commands.js'

const server = `smp://${'A'.repeat(43)}=@smp.example.org`
const running: Running = { signal: new AbortController().signal, stop() {}, log() {} }

let folder: string
let data: string
beforeEach(async () => {
  folder = fs.mkdtempSync(path.join(tmpdir(), 'ntf '))
  data = path.join(folder, 'data')
  await initCommand([], { data, server: [server], yes: true }, running)
})
afterEach(() => fs.rmSync(folder, { recursive: true }))

const inData = (name: string) => path.join(data, name)
const readKey = () => fs.readFileSync(inData('database.key'), 'utf8')
const opens = (folder = data) => migrateCommand([], { data: folder }, running)

describe('rekey', () => {
  it('makes a new key, which alone opens the databases', async () => {
    const old = readKey()
    await rekeyCommand([], { data }, running)
    expect(readKey()).not.toBe(old)
    expect(fs.existsSync(inData('database.key.new'))).toBe(false)
    expect(await opens()).toBe(exitCodes.ok)
    fs.writeFileSync(inData('database.key'), old)
    await expect(opens()).rejects.toMatchObject({ code: exitCodes.database })
  })

  it('goes on where it was interrupted: before the new key took its place, and between the databases', async () => {
    const old = readKey()
    fs.copyFileSync(inData('agent.db'), inData('agent.before'))
    await rekeyCommand([], { data }, running)
    const next = readKey()
    fs.renameSync(inData('database.key'), inData('database.key.new'))
    fs.writeFileSync(inData('database.key'), old)
    fs.renameSync(inData('agent.before'), inData('agent.db'))
    await expect(opens()).rejects.toMatchObject({ code: exitCodes.database })
    await rekeyCommand([], { data }, running)
    expect(readKey()).toBe(next)
    expect(await opens()).toBe(exitCodes.ok)
  })

  it('encrypts what was not encrypted', async () => {
    const config = fs.readFileSync(inData('smpkit-ntf.toml'), 'utf8')
    for (const name of ['agent.db', 'notifications.db', 'database.key']) fs.rmSync(inData(name))
    fs.writeFileSync(inData('smpkit-ntf.toml'), config.replace(/^key_file/m, '# key_file'))
    await opens()
    await expect(rekeyCommand([], { data }, running)).rejects.toMatchObject({ code: exitCodes.usage })
    fs.writeFileSync(inData('smpkit-ntf.toml'), config)
    await expect(opens()).rejects.toMatchObject({ code: exitCodes.database })
    await rekeyCommand([], { data }, running)
    expect(await opens()).toBe(exitCodes.ok)
  })
})

describe('backup', () => {
  it('makes a data folder without its key, and takes the place of nothing', async () => {
    const copy = path.join(folder, 'copy')
    expect(await backupCommand([copy], { data }, running)).toBe(exitCodes.ok)
    expect(fs.readdirSync(copy).sort()).toEqual(['agent.db', 'notifications.db', 'smpkit-ntf.toml'])
    expect(fs.statSync(copy).mode & 0o777).toBe(0o700)
    await expect(opens(copy)).rejects.toMatchObject({ code: exitCodes.database })
    fs.copyFileSync(inData('database.key'), path.join(copy, 'database.key'))
    expect(await opens(copy)).toBe(exitCodes.ok)
    await expect(backupCommand([copy], { data }, running)).rejects.toMatchObject({ code: exitCodes.usage })
  })

  it('leaves nothing behind when it cannot be made', async () => {
    fs.rmSync(inData('database.key'))
    const copy = path.join(folder, 'copy')
    await expect(backupCommand([copy], { data }, running)).rejects.toMatchObject({ code: exitCodes.database })
    expect(fs.existsSync(copy)).toBe(false)
  })
})
