// What must be in the config because of something else that is in there.
import type { Config, SectionName } from './config-keys.js'

export interface RequirementProblem {
  /** With dots. */
  readonly name: string
  readonly problem: string
}

const missing = (section: SectionName, key: string, why: string): RequirementProblem => ({
  name: `${section}.${key}`,
  problem: `expected a value, because ${why}`,
})

export function requirementProblems(config: Config): RequirementProblem[] {
  const problems: RequirementProblem[] = []
  const demand = <S extends SectionName>(section: S, key: keyof Config[S] & string, why: string | false) => {
    if (why !== false && config[section][key] === undefined) problems.push(missing(section, key, why))
  }
  if (config.smp.servers.length === 0 && config.ntf.listen === undefined) {
    problems.push({ name: 'smp.servers', problem: 'expected at least one SMP server, or ntf.listen' })
  }
  for (const server of ['prod', 'dev', 'test'] as const) {
    const section = `providers.apns.${server}` as const
    const why = config[section].enabled && `${section} is enabled`
    for (const key of ['topic', 'team_id', 'key_id', 'key_file'] as const) demand('providers.apns', key, why)
    demand(section, 'host', why)
  }
  demand('providers.fcm', 'service_account_file', config['providers.fcm'].enabled && 'providers.fcm is enabled')
  demand('providers.webpush', 'subject', config['providers.webpush'].enabled && 'providers.webpush is enabled')
  demand('database', 'url', config.database.stand_by && 'database.stand_by is for PostgreSQL')
  demand('smp', 'socks', config.smp.socks_for === 'all' && 'smp.socks_for is "all"')
  return unique(problems)
}

/** What several ask for is missing once. */
const unique = (problems: readonly RequirementProblem[]) => [
  ...new Map(problems.map((problem) => [problem.name, problem])).values(),
]
