/**
 * Completions for bash, zsh and fish from the command table.
 *
 * Shape   one script each: words of commands, their flags, the choices of flags that have some; files elsewhere.
 * Why     static text: a completion that asked a daemon would be slow, and would put what it learns on the screen.
 * @module
 */
import { OPTION_KEYS } from '../../../config/schema.ts';
import { COMMANDS, type CommandSpec, GROUPS } from '../commands/table.ts';
import { type Flag, firstWords, flagsOf, globalFlags, secondWords } from './flags.ts';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

export function completionFor(shell: Shell): string {
  if (shell === 'bash') return bash();
  return shell === 'zsh' ? zsh() : fish();
}

/** Commands whose first argument is a setting. */
const TAKES_KEY: readonly string[] = ['config get', 'config set', 'config unset'];

function bash(): string {
  const words = firstWords().map((first) => [first, secondWords(first)] as const);
  const groups = words.filter(([, second]) => second.length > 0);
  const flags = COMMANDS.map((spec) => `    "${spec.name}") flags="${flagsOf(spec).flatMap(namesOf).join(' ')}" ;;`);
  const valued = [...COMMANDS.flatMap(flagsOf), ...globalFlags];
  const choices = new Map(
    valued.filter(({ choices }) => choices.length > 0).map(({ long, choices }) => [long, choices]),
  );
  const others = new Set(
    valued.filter(({ value, long }) => value !== undefined && !choices.has(long)).flatMap(namesOf),
  );
  return `# bash completion of holloway; from: holloway completion bash
_holloway() {
  local cur prev command="" word flags=""
  cur="\${COMP_WORDS[COMP_CWORD]}"
  prev="\${COMP_WORDS[COMP_CWORD-1]}"
  local skip=0 i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    if [ "$skip" = 1 ]; then skip=0; continue; fi
    case "$word" in
      ${[...others, ...choices.keys()].join('|')}) skip=1; continue ;;
      -*) continue ;;
    esac
    case "$command" in
      "") command="$word" ;;
      ${groups.map(([first]) => first).join('|')}) command="$command $word" ;;
    esac
  done
  case "$prev" in
${[...choices].map(([long, words]) => `    ${long}) COMPREPLY=($(compgen -W "${words.join(' ')}" -- "$cur")); return ;;`).join('\n')}
    ${[...others].join('|')}) COMPREPLY=($(compgen -f -- "$cur")); return ;;
  esac
  case "$command" in
    "") COMPREPLY=($(compgen -W "${firstWords().join(' ')} ${globalFlags.flatMap(namesOf).join(' ')}" -- "$cur")); return ;;
${groups.map(([first, second]) => `    ${first}) COMPREPLY=($(compgen -W "${second.join(' ')}" -- "$cur")); return ;;`).join('\n')}
${flags.join('\n')}
  esac
  if [[ "$cur" == -* ]]; then
    COMPREPLY=($(compgen -W "$flags ${globalFlags.flatMap(namesOf).join(' ')}" -- "$cur"))
    return
  fi
  case "$command" in
    ${TAKES_KEY.map((name) => `"${name}"`).join('|')}) COMPREPLY=($(compgen -W "${OPTION_KEYS.join(' ')}" -- "$cur")) ;;
    *) COMPREPLY=($(compgen -f -- "$cur")) ;;
  esac
}
complete -o filenames -F _holloway holloway
`;
}

function zsh(): string {
  const described = (pairs: readonly (readonly [string, string])[]): string =>
    pairs.map(([word, sentence]) => quoted(`${word}:${sentence.replaceAll(':', '\\:')}`)).join(' ');
  const argumentsOf = (spec: CommandSpec): string =>
    [...flagsOf(spec), ...globalFlags]
      .flatMap(zshFlag)
      .concat(quoted(zshRest(spec)))
      .join(' ');
  const cases = firstWords().map((first) => {
    const second = secondWords(first);
    const own = COMMANDS.find(({ name }) => name === first);
    if (second.length === 0) return `    ${first}) _arguments ${argumentsOf(own!)} ;;`;
    const pairs = second.map(
      (word) => [word, COMMANDS.find(({ name }) => name === `${first} ${word}`)!.sentence] as const,
    );
    const inner = second.map((word) => {
      const spec = COMMANDS.find(({ name }) => name === `${first} ${word}`)!;
      return `        ${word}) shift words; ((CURRENT--)); _arguments ${argumentsOf(spec)} ;;`;
    });
    return `    ${first})
      if ((CURRENT == 2)); then
        local -a second=(${described(pairs)}); _describe command second; return
      fi
      case "$words[2]" in
${inner.join('\n')}
      esac ;;`;
  });
  const pairs = firstWords().map(
    (first) => [first, GROUPS[first] ?? COMMANDS.find(({ name }) => name === first)!.sentence] as const,
  );
  return `#compdef holloway
# zsh completion of holloway; from: holloway completion zsh
_holloway() {
  local -a first=(${described(pairs)})
  if ((CURRENT == 2)); then
    _describe command first
    _arguments ${globalFlags.flatMap(zshFlag).join(' ')}
    return
  fi
  shift words; ((CURRENT--))
  case "$words[1]" in
${cases.join('\n')}
  esac
}
compdef _holloway holloway
`;
}

function zshFlag({ long, short, value, sentence, choices }: Flag): readonly string[] {
  const what = sentence.replaceAll(/[[\]]/g, '\\$&').replaceAll(':', '\\:');
  const kind = choices.length > 0 ? `(${choices.join(' ')})` : /path|dir|file/.test(value ?? '') ? '_files' : ' ';
  const given = value === undefined ? '' : `:${value.replaceAll(/[<>[\]:]/g, '')}:${kind}`;
  return [short, long].filter((name) => name !== undefined).map((name) => quoted(`${name}[${what}]${given}`));
}

function zshRest(spec: CommandSpec): string {
  return TAKES_KEY.includes(spec.name) ? `*:key:(${OPTION_KEYS.join(' ')})` : '*:file:_files';
}

function fish(): string {
  const lines = ['# fish completion of holloway; from: holloway completion fish', 'complete -c holloway -f'];
  const none = firstWords().join(' ');
  for (const first of firstWords()) {
    const sentence = GROUPS[first] ?? COMMANDS.find(({ name }) => name === first)!.sentence;
    lines.push(`complete -c holloway -n 'not __fish_seen_subcommand_from ${none}' -a ${first} -d ${quoted(sentence)}`);
  }
  for (const spec of COMMANDS) {
    const [first, second] = spec.name.split(' ') as [string, string | undefined];
    const seconds = secondWords(first);
    if (second !== undefined) {
      const where = `__fish_seen_subcommand_from ${first}; and not __fish_seen_subcommand_from ${seconds.join(' ')}`;
      lines.push(`complete -c holloway -n '${where}' -a ${second} -d ${quoted(spec.sentence)}`);
    }
    const at = second === undefined ? '' : `; and __fish_seen_subcommand_from ${second}`;
    for (const flag of flagsOf(spec)) {
      lines.push(`complete -c holloway -n '__fish_seen_subcommand_from ${first}${at}' ${fishFlag(flag)}`);
    }
    const rest = TAKES_KEY.includes(spec.name)
      ? `-a ${quoted(OPTION_KEYS.join(' '))}`
      : spec.args.length > 0
        ? '-F'
        : '';
    if (rest !== '') lines.push(`complete -c holloway -n '__fish_seen_subcommand_from ${first}${at}' ${rest}`);
  }
  for (const flag of globalFlags) lines.push(`complete -c holloway ${fishFlag(flag)}`);
  return `${lines.join('\n')}\n`;
}

function fishFlag({ long, short, value, sentence, choices }: Flag): string {
  const names = `${short === undefined ? '' : `-s ${short.slice(1)} `}-l ${long.slice(2)}`;
  const given = choices.length > 0 ? ` -x -a ${quoted(choices.join(' '))}` : value === undefined ? '' : ' -r -F';
  return `${names}${given} -d ${quoted(sentence)}`;
}

function namesOf({ long, short }: Flag): readonly string[] {
  return short === undefined ? [long] : [short, long];
}

/** For all three shells: nothing within is expanded. fish reads \\' where the others want '\\''. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", '’')}'`;
}
