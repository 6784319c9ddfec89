"""Compiles what `topwork report --format latex` has written, with pdflatex: python3 scripts/latex.py FILE.tex …

Says which files compile; ends with 1 when one does not. Where there is no pdflatex it says so and ends with 0.
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile

DOCUMENT = r"""\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage[a4paper,landscape,margin=1cm]{geometry}
\usepackage{booktabs}
\begin{document}
\input{table.tex}
\end{document}
"""


def main():
    if shutil.which("pdflatex") is None:
        print("left out: there is no pdflatex here")
        return 0
    failed = False
    for name in sys.argv[1:]:
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            shutil.copy(name, folder / "table.tex")
            (folder / "document.tex").write_text(DOCUMENT)
            command = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "document.tex"]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace")
            if done.returncode == 0:
                print(f"{name}: compiles")
            else:
                failed = True
                wrong = [line for line in done.stdout.splitlines() if line.startswith(("!", "l."))]
                print(f"{name}: {' '.join(wrong)}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
