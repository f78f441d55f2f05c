// What every root command needs before it can start: the right Node, installed packages, built projects.
// Says what it does on stderr; does nothing where nothing has changed.
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from './children.mjs'
import { withLock } from './lock.mjs'

export const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const inRoot = (...parts) => path.join(root, ...parts)
const state = inRoot('.setup')
const installStamp = inRoot('node_modules', '.setup-stamp')
const buildStamp = path.join(state, 'build.json')

/** An error that is told to the user without a stack. */
export class SetupError extends Error {}

function say(text) {
  process.stderr.write(`[setup] ${text}\n`)
}

async function step(text, work) {
  const start = Date.now()
  say(`${text} …`)
  await work()
  say(`${text}: done in ${((Date.now() - start) / 1000).toFixed(1)} s`)
}

function read(file) {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

export function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major < 20 || (major === 20 && minor < 19)) {
    throw new SetupError(`expected Node 20.19 or newer, got ${process.versions.node}: see https://nodejs.org`)
  }
}

// Installing

/** The folders of the workspace that have a package.json, and the root. */
function packageFolders() {
  const patterns = read(inRoot('pnpm-workspace.yaml')).matchAll(/^ {2}- ([\w/*.-]+)$/gm)
  const folders = [...patterns].flatMap(([, pattern]) => {
    if (!pattern.endsWith('/*')) return [pattern]
    const parent = pattern.slice(0, -2)
    return fs.existsSync(inRoot(parent)) ? fs.readdirSync(inRoot(parent)).map((name) => `${parent}/${name}`) : []
  })
  return ['.', ...folders].filter((folder) => fs.existsSync(inRoot(folder, 'package.json'))).sort()
}

function installHash() {
  const hash = createHash('sha256').update(`${process.versions.node.split('.')[0]} ${process.platform} ${process.arch}`)
  for (const file of ['pnpm-lock.yaml', 'pnpm-workspace.yaml']) hash.update(`\0${read(inRoot(file))}`)
  for (const folder of packageFolders()) hash.update(`\0${folder}\0${read(inRoot(folder, 'package.json'))}`)
  return hash.digest('hex')
}

function isInstalled() {
  const hasModules = (folder) => {
    const { dependencies, devDependencies } = JSON.parse(read(inRoot(folder, 'package.json')))
    return (!dependencies && !devDependencies) || fs.existsSync(inRoot(folder, 'node_modules'))
  }
  return read(installStamp) === installHash() && packageFolders().every(hasModules)
}

/** Whether npm and pnpm can keep their caches where they like: in a home that is ours and writable. */
function homeIsOurs() {
  const home = os.homedir()
  try {
    if (fs.statSync(home).uid !== process.getuid?.()) return false
    for (const part of ['', '.npm', '.npm/_cacache', '.cache', '.local', '.local/share', '.local/share/pnpm']) {
      const folder = path.join(home, part)
      if (fs.existsSync(folder)) fs.accessSync(folder, fs.constants.W_OK)
    }
    return true
  } catch {
    return false
  }
}

function installEnvironment() {
  const env = { ...process.env, CI: 'true', NODE_ENV: 'development', npm_config_update_notifier: 'false' }
  // What the npm above us says about itself and this package; the user's registry, proxy and the like stay.
  for (const name of Object.keys(env)) {
    if (
      /^npm_(package|lifecycle|command|execpath|config_(cache|prefix|local_prefix|global_prefix|omit|production))/i.test(
        name,
      )
    ) {
      delete env[name]
    }
  }
  if (homeIsOurs()) return env
  const own = (name) => path.join(state, 'home', name)
  return {
    ...env,
    npm_config_cache: own('npm'),
    npm_config_store_dir: own('store'),
    XDG_CACHE_HOME: own('cache'),
    XDG_DATA_HOME: own('data'),
    XDG_STATE_HOME: own('state'),
  }
}

async function installPackages() {
  fs.rmSync(installStamp, { force: true })
  const hash = installHash()
  const { packageManager } = JSON.parse(read(inRoot('package.json')))
  const args = ['-y', packageManager, 'install', '--frozen-lockfile', '--config.confirmModulesPurge=false']
  const result = await run('npx', args, { cwd: root, env: installEnvironment(), stdout: 2 }).catch((error) => {
    throw new SetupError(`could not start npx, which comes with npm: ${error.message}`)
  })
  if (result.code !== 0) throw new SetupError(`installing packages failed (pnpm's exit code is ${result.code})`)
  fs.writeFileSync(installStamp, hash)
}

// Building

/** The project folder and all that it references, directly or not. */
function projectsOf(folder, found = new Set()) {
  const config = JSON.parse(read(inRoot(folder, 'tsconfig.json')))
  for (const reference of config.references ?? []) projectsOf(path.join(folder, reference.path), found)
  if (config.compilerOptions?.outDir) found.add(folder)
  return [...found]
}

function filesUnder(folder, files = []) {
  for (const entry of fs.existsSync(folder) ? fs.readdirSync(folder, { withFileTypes: true }) : []) {
    const file = path.join(folder, entry.name)
    if (entry.isDirectory()) filesUnder(file, files)
    else files.push(file)
  }
  return files.sort()
}

function projectHash(project) {
  const hash = createHash('sha256').update(read(inRoot('tsconfig.base.json')))
  for (const file of ['package.json', 'tsconfig.json']) hash.update(`\0${read(inRoot(project, file))}`)
  for (const file of [...filesUnder(inRoot(project, 'src')), ...filesUnder(inRoot(project, 'dist'))]) {
    const { size, mtimeMs } = fs.statSync(file)
    hash.update(`\0${path.relative(root, file)} ${size} ${mtimeMs}`)
  }
  return hash.digest('hex')
}

function buildStamps() {
  try {
    return JSON.parse(read(buildStamp))
  } catch {
    return {}
  }
}

function changedProjects(projects) {
  const stamps = buildStamps()
  return projects.filter((project) => stamps[project] !== projectHash(project))
}

/** tsc trusts its .tsbuildinfo and the files' times: without it, it looks at everything. */
function forget(project) {
  const dist = inRoot(project, 'dist')
  fs.rmSync(path.join(dist, '.tsbuildinfo'), { force: true })
  for (const file of filesUnder(dist)) {
    const source = path.relative(dist, file).replace(/(\.d)?\.[jt]s(\.map)?$/, '.ts')
    if (!fs.existsSync(inRoot(project, 'src', source))) fs.rmSync(file)
  }
}

async function buildProject(folder, projects) {
  const stamps = buildStamps()
  for (const project of changedProjects(projects)) {
    delete stamps[project]
    forget(project)
  }
  const save = () => {
    fs.writeFileSync(`${buildStamp}.new`, JSON.stringify(stamps, null, 2))
    fs.renameSync(`${buildStamp}.new`, buildStamp)
  }
  save()
  const tsc = inRoot('node_modules', 'typescript', 'bin', 'tsc')
  const { code } = await run(process.execPath, [tsc, '-b', folder], { cwd: root, stdout: 2 })
  if (code !== 0) throw new SetupError(`building ${folder === '.' ? 'the packages' : folder} failed`)
  for (const project of projects) stamps[project] = projectHash(project)
  save()
}

// Together

function locked(work) {
  const onWait = (pid) => say(`waiting for another command (process ${pid}) to finish its set-up …`)
  return withLock(path.join(state, 'lock'), onWait, work)
}

/** Installs the packages that pnpm-lock.yaml names, where that is not done yet. */
export async function install() {
  checkNode()
  if (isInstalled()) return
  await locked(async () => {
    if (isInstalled()) return
    const first = !fs.existsSync(inRoot('node_modules'))
    await step(`installing packages${first ? ' (first run, about a minute)' : ''}`, installPackages)
  })
}

/** Builds a project (a folder with a tsconfig.json) and what it references, where their files have changed. */
export async function build(folder = '.') {
  const projects = projectsOf(folder)
  if (changedProjects(projects).length === 0) return
  await locked(async () => {
    const changed = changedProjects(projects).length
    if (changed === 0) return
    await step(`building ${changed} of ${projects.length} packages`, () => buildProject(folder, projects))
  })
}
