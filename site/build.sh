#!/usr/bin/env bash
# Builds the documentation into target/site, and checks every link in it.
#
# The pages are also read in the repository, so their links are those of the repository: ../CHANGELOG.md, ../deploy/… The site has
# the same tree, with the files that pages link to, and so the same links lead somewhere.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

sources=target/site-sources site=target/site
rm -rf "$sources" "$site"
mkdir -p "$sources"
git ls-files -z --cached --others --exclude-standard -- '*.md' LICENSE .pre-commit-config.yaml .ci .github crds deploy docs examples site |
  xargs -0 cp --parents --target-directory "$sources"
mv "$sources/site/book.toml" "$sources/"
# The table of contents is beside its pages, and mdBook wants it at the root.
sed -i -e 's#](\.\./#](./#' -e 's#](\([a-z]\|README\)#](docs/\1#' "$sources/docs/SUMMARY.md"
mv "$sources/docs/SUMMARY.md" "$sources/"
# A folder shows its README.md in the repository, and its index.html on a site; mdBook renames the page, but not the links to it.
find "$sources" -name '*.md' -exec sed -i 's#\(](\([^):]*/\)\?\)README\.md#\1index.md#g' {} +
find "$sources" -name README.md -execdir mv README.md index.md \;

.ci/mdbook build "$sources" --dest-dir "$PWD/$site"
python3 site/check_links.py "$site"
