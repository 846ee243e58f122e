# Before a commit: what is staged under .convoy/ must be sound. Other commits cost one look at the index.
git_dir=${GIT_DIR:-.git}
if [ ! -d "$git_dir" ]; then
  git_dir=$(git rev-parse --git-dir) || exit 0
fi
if IFS= read -r head <"$git_dir/HEAD" && [ "$head" = 'ref: refs/heads/convoy-ledger' ]; then
  echo 'gitconvoy: the commit is refused: this branch is the ledger, to which gitconvoy alone adds commits' >&2
  echo 'hint: nothing was lost: `git switch -c NAME` takes your changes to a branch of yours' >&2
  exit 1
fi
git diff --cached --quiet --no-ext-diff -- .convoy && exit 0

gitconvoy_remedy='Run `gitconvoy hooks install` again; `git commit --no-verify` leaves .convoy/ unchecked.'
if [ ! -x "$gitconvoy_python" ]; then
  echo "gitconvoy: .convoy/ cannot be checked, as $gitconvoy_python is gone. $gitconvoy_remedy" >&2
  exit 1
fi
"$gitconvoy_python" -I -m gitconvoy hook-run "$gitconvoy_hook" "$@" && exit 0
gitconvoy_status=$?
if ! "$gitconvoy_python" -I -c 'import gitconvoy' 2>/dev/null; then
  echo "gitconvoy: $gitconvoy_python no longer has gitconvoy. $gitconvoy_remedy" >&2
fi
exit "$gitconvoy_status"
