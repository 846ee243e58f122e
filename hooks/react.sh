# After a change of refs: gitconvoy reacts if the trunk's .convoy/ is not what it last looked at. What that was is in
# <common git directory>/gitconvoy/seen: first `<ref> <id>` for the trunk and its .convoy tree (`-`: it has none); of
# the other lines, `<ref> <id>` (with a ref that begins with refs/) names a branch that is waited for and its commit.
# The files in towns/ beside it say the same of other repositories' towns, for which work is done in this one.
if [ "$gitconvoy_hook" = post-checkout ] && [ "${3-}" != 1 ]; then
  exit 0 # files were checked out, no branch
fi

git_dir=${GIT_DIR:-.git}
if [ ! -d "$git_dir" ]; then
  git_dir=$(git rev-parse --git-dir) || exit 0
fi
common_dir=${GIT_COMMON_DIR-}
if [ -z "$common_dir" ]; then
  common_dir=$git_dir
  if [ -f "$git_dir/commondir" ]; then
    IFS= read -r common_dir <"$git_dir/commondir"
    case $common_dir in
      /*) ;;
      *) common_dir=$git_dir/$common_dir ;;
    esac
  fi
fi
[ -d "$common_dir/gitconvoy" ] || exit 0 # another repository, with which these hooks are shared

if [ "$gitconvoy_hook" = post-checkout ] && IFS= read -r head <"$git_dir/HEAD" && [ "$head" = 'ref: refs/heads/convoy-ledger' ]; then
  echo 'gitconvoy: this branch is the ledger: gitconvoy alone adds commits to it, and does so below your files' >&2
  echo 'hint: look at it with `git log convoy-ledger`, or check it out with `git switch --detach convoy-ledger`' >&2
fi

# A rebase of the branch $1 is beginning, and may end without a further hook.
rebased() {
  for state in rebase-merge rebase-apply; do
    if [ -f "$git_dir/$state/head-name" ]; then
      IFS= read -r branch <"$git_dir/$state/head-name"
      [ "$branch" = "$1" ] && return 0
    fi
  done
  return 1
}

# Whether anything is not as the file $1 has it. What was looked at once is not looked at again.
looked=' '
differs() {
  suffix=:.convoy
  while read -r ref id || [ -n "$ref" ]; do
    case $ref in
      refs/*) ;;
      *) continue ;;
    esac
    case $looked in
      *" $ref$suffix=$id "*) ;;
      *)
        now=$(git rev-parse --quiet --verify "$ref$suffix" 2>/dev/null) || now=-
        [ "$now" = "${id:--}" ] || return 0
        looked="$looked$ref$suffix=$id "
        ;;
    esac
    if [ "$gitconvoy_hook" = post-checkout ] && [ "$1" = "$common_dir/gitconvoy/seen" ] && rebased "$ref"; then
      return 0
    fi
    suffix=
  done <"$1"
  return 1
}

concerned() {
  # The index has to be mended after `git commit <path>`; nobody has looked yet.
  [ -e "$git_dir/gitconvoy-repair" ] && return 0
  [ -r "$common_dir/gitconvoy/seen" ] || return 0
  for file in "$common_dir/gitconvoy/seen" "$common_dir"/gitconvoy/towns/*; do
    [ -r "$file" ] && differs "$file" && return 0
  done
  return 1
}

concerned || exit 0

gitconvoy_remedy='the ledger stays as it was. Run `gitconvoy hooks install` again.'
if [ ! -x "$gitconvoy_python" ]; then
  echo "gitconvoy: $gitconvoy_python is gone; $gitconvoy_remedy" >&2
  exit 0
fi
"$gitconvoy_python" -I -m gitconvoy hook-run "$gitconvoy_hook" "$@" && exit 0
if ! "$gitconvoy_python" -I -c 'import gitconvoy' 2>/dev/null; then
  echo "gitconvoy: $gitconvoy_python no longer has gitconvoy; $gitconvoy_remedy" >&2
fi
exit 0
