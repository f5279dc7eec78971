#!/usr/bin/env bash
# The step "Batch" of action.yml: runs lipblend batch, writes its summary to the job's page, and notes its exit code,
# so that the reports are uploaded however it ends. Inputs come as variables, so that none is read as shell.
set -euo pipefail
: "${JOBS:?}" "${FOLDER:?}" "${GATE:?}" "${WORKERS:?}"

case $GATE in
    true) gate=(--gate) ;;
    false) gate=() ;;
    *) echo "error: the input gate must be true or false, not '$GATE'" >&2; exit 2 ;;
esac
extra=()
IFS=$' \t\n' read -r -d '' -a extra <<< "${OPTIONS:-}" || true # ends with the text, which is no error

mkdir -p "$FOLDER"
code=0
lipblend batch "$JOBS" --workers "$WORKERS" ${gate[@]+"${gate[@]}"} \
    --junit "$FOLDER/junit.xml" --index "$FOLDER" --results "$FOLDER/results.jsonl" --logs "$FOLDER/logs" \
    ${extra[@]+"${extra[@]}"} > "$FOLDER/summary.txt" || code=$?
cat "$FOLDER/summary.txt"
if [ "${LIPBLEND_CACHE:-off}" != off ]; then
    lipblend cache prune || echo "note: the analyses could not be pruned" >&2
fi

{
    echo "exit-code=$code"
    echo "index=$FOLDER/index.html"
    echo "junit=$FOLDER/junit.xml"
} >> "$GITHUB_OUTPUT"
{
    echo "### lipblend batch"
    echo '````'
    cat "$FOLDER/summary.txt"
    echo '````'
} >> "$GITHUB_STEP_SUMMARY"
