# Sourced by demo.sh and test.sh: a virtual environment in the project's root, whatever is active.

prepare_environment() { # $1: extras, such as "[dev,jax]"
  cd "$(dirname "${BASH_SOURCE[0]}")/.."
  unset VIRTUAL_ENV PYTHONHOME PYTHONPATH
  if [ ! -x .venv/bin/python ]; then
    local candidate python=""
    for candidate in python3 python3.13 python3.12 python3.11; do
      if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$candidate
        break
      fi
    done
    if [ -z "$python" ]; then
      echo "Python 3.11 or newer is needed; none was found on the PATH." >&2
      exit 2
    fi
    "$python" -m venv .venv
  fi
  # pip is asked again only when the dependencies changed since the last time.
  local wanted stamp=".venv/installed${1//[\[\],]/_}"
  wanted=$(cksum pyproject.toml)
  if [ ! -f "$stamp" ] || [ "$(cat "$stamp")" != "$wanted" ]; then
    .venv/bin/python -m pip install --quiet --disable-pip-version-check -e ".$1"
    echo "$wanted" >"$stamp"
  fi
}
