"""`python -m dlbook.site adam` builds the chapter `adam` alone."""

import sys

from dlbook.site.alone import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
