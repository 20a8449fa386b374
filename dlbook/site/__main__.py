"""`python -m dlbook.site adam` builds the chapter `adam` alone, `python -m dlbook.site` the whole book."""

import sys

from dlbook.site.alone import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
