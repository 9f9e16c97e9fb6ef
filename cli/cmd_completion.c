/* The scripts that make shells complete command lines; they know how to ask, and nothing else. */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cli/verb.h"
#include "client/options.h"

const struct opt_table cmd_completion_options = {
    .program = "muster completion",
    .synopsis = "bash|zsh|fish",
    .summary = "Print a script that has a shell complete verbs, options, kinds, and the names of "
               "clusters and hosts, which are asked of etcd for at most a second.",
    .examples = "  muster completion bash > /etc/bash_completion.d/muster\n"
                "  source <(muster completion zsh)\n"
                "  muster completion fish > ~/.config/fish/completions/muster.fish\n",
};

/* The line is split at blanks here, because bash splits at '=' and ':' as well. */
static const char bash_script[] =
    "_muster() {\n"
    "    local line=${COMP_LINE:0:COMP_POINT} words current candidate replies=()\n"
    "    read -a words <<< \"$line\"\n"
    "    [[ $line == *[[:space:]] ]] && words+=('')\n"
    "    current=${words[${#words[@]} - 1]}\n"
    "    COMPREPLY=()\n"
    "    while IFS=$'\\t' read -r candidate _; do\n"
    "        if [[ $candidate == :files ]]; then\n"
    "            [[ $current == --*=* ]] && current=${current#*=}\n"
    "            compopt -o filenames 2>/dev/null\n"
    "            mapfile -t COMPREPLY < <(compgen -f -- \"$current\")\n"
    "            return\n"
    "        fi\n"
    "        [[ $current == *=* ]] && candidate=${candidate#*=}\n"
    "        COMPREPLY+=(\"$candidate\")\n"
    "    done < <(\"${words[0]}\" __complete \"${words[@]:1}\" 2>/dev/null)\n"
    "}\n"
    "complete -F _muster muster\n";

static const char zsh_script[] =
    "#compdef muster\n"
    "_muster() {\n"
    "    local -a lines found\n"
    "    local line word told\n"
    "    lines=(\"${(@f)$(${words[1]} __complete \"${(@)words[2,CURRENT]}\" 2>/dev/null)}\")\n"
    "    for line in $lines; do\n"
    "        if [[ $line == :files ]]; then\n"
    "            [[ $PREFIX == --*=* ]] && compset -P '*='\n"
    "            _files\n"
    "            return\n"
    "        fi\n"
    "        word=${line%%$'\\t'*}\n"
    "        told=${line#*$'\\t'}\n"
    "        found+=(\"${word//:/\\\\:}${told:+:$told}\")\n"
    "    done\n"
    "    _describe -V muster found\n"
    "}\n"
    "if [[ ${funcstack[1]} == _muster ]]; then\n"
    "    _muster \"$@\"\n"
    "else\n"
    "    compdef _muster muster\n"
    "fi\n";

static const char fish_script[] =
    "function __muster_complete\n"
    "    set -l before (commandline -opc)\n"
    "    set -l current (commandline -ct)\n"
    "    set -l found ($before[1] __complete $before[2..-1] \"$current\" 2>/dev/null)\n"
    "    if test \"$found\" = :files\n"
    "        set -l before_path (string match -r -- '^--[^=]*=' \"$current\")\n"
    "        for path in (__fish_complete_path (string replace -- \"$before_path\" '' \"$current\"))\n"
    "            echo \"$before_path$path\"\n"
    "        end\n"
    "    else if test (count $found) -gt 0\n"
    "        printf '%s\\n' $found\n"
    "    end\n"
    "end\n"
    "complete -c muster -f -a '(__muster_complete)'\n";

static const struct {
    const char *shell;
    const char *script;
} scripts[] = { { "bash", bash_script }, { "zsh", zsh_script }, { "fish", fish_script } };

int cmd_completion(int argc, char *const *argv, struct err *err)
{
    const char *names[ARRAY_COUNT(scripts)];
    struct opt_result args;
    const char *nearest;
    size_t i;
    int rv = options_read(&cmd_completion_options, argc, argv, NULL, 1, 1, &args, err);

    if (rv != 0) {
        return rv < 0 ? rv : 0;
    }
    for (i = 0; i < ARRAY_COUNT(scripts); i++) {
        names[i] = scripts[i].shell;
        if (text_equal(args.positional[0], scripts[i].shell)) {
            (void)fputs(scripts[i].script, stdout);
            return 0;
        }
    }
    nearest = text_nearest(args.positional[0], names, ARRAY_COUNT(names));
    return err_set(err, ERR_USAGE, "there is no script for '%s', only for bash, zsh and fish%s%s%s",
                   args.positional[0], nearest == NULL ? "" : "; did you mean ",
                   nearest == NULL ? "" : nearest, nearest == NULL ? "" : "?");
}
