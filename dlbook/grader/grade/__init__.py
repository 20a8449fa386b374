"""Grade: what has a whole class earned?

``python -m dlbook.grader.grade SUBMISSIONS OUT`` takes ``SUBMISSIONS/<student>/<exercise>/<exercise>.ipynb``,
judges each in a sandbox of its own, as many at a time as there are cores, and writes into ``OUT``

===============================================  ===========================================================
``grades.csv``                                   student, exercise, task, points, maximum, status
``totals.csv``                                   a row for each submission, with hours late and notes
``by_hand.csv``                                  what a person grades: fill in points and comment, run again
``feedback/<student>/<exercise>.html``           a page for each submission
``summary.html``                                 scores by task, most missed checks, what to look at
``results/``                                     what is finished: a run that was stopped goes on there
===============================================  ===========================================================
"""

from pathlib import Path

from joblib import Parallel, delayed
from tqdm import tqdm

from dlbook.grader import sandbox
from dlbook.grader.course import Course
from dlbook.grader.grade import written
from dlbook.grader.grade.crew import Crew
from dlbook.grader.grade.roll import Roll


def grade(
    submissions,
    out,
    *,
    students=None,
    wanted=None,
    source=None,
    n_jobs=-1,
    unsafe=False,
    progress=True,
    attempts=None,
    deadlines=None,
    anonymous=False,
    **limits,
):
    """Judge a class and write everything that ``OUT`` holds.

    Parameters
    ----------
    submissions, out : path
    students : sequence of str, optional
        The class list that `release` wrote variants for: who is missing gets a row, and who has worked with
        another name's numbers is named. Answers are judged by the numbers that the student saw, but by the
        student's own where those were another student's on the list. Without it the students are the folders.
    wanted : sequence of str, optional
        The exercises; those that anyone has handed in if there are none.
    source : path or Course, optional
        The folder of the sources; see `course.Course.read`.
    n_jobs : int
        Submissions at a time, as in joblib.
    unsafe : bool
        Without a sandbox. Only for notebooks that you wrote yourself.
    progress : bool
        Whether to show a bar.
    attempts : int, optional
        How many different submissions of a student to an exercise count; later ones are not judged.
    deadlines : deadlines.Deadlines, optional
        By which ``totals.csv`` says how many hours a submission was late.
    anonymous : bool
        Whether ``by_hand.csv`` and the feedback's pages show an alias for each student and no name.
    **limits
        ``cell_seconds``, ``seconds`` (a submission's in all), ``memory`` (bytes): see `judge.Job`.

    Returns
    -------
    list of dict
        The rows of ``grades.csv``.

    Raises
    ------
    sandbox.SandboxError
        If there is no sandbox to be had.
    ValueError
        If there is nothing to grade, or ``by_hand.csv`` holds what cannot be. Nothing is written then.
    """
    out = Path(out)
    if attempts is not None and attempts < 1:
        raise ValueError(f"attempts must be at least 1, got {attempts}")
    roll = Roll(Path(submissions), out, Course.read(source), students, wanted)
    roll.marks()  # refused before anything runs
    if not unsafe:
        sandbox.check()
    cases = roll.cases(unsafe=unsafe, **limits)
    crew = Crew(out, roll.sources, attempts)
    with crew, tqdm(total=len(cases), unit="submission", disable=not progress) as bar:
        for _ in Parallel(n_jobs=n_jobs, backend="threading", return_as="generator_unordered")(
            delayed(crew.result)(case) for case in cases
        ):
            bar.update()
    return written.write(out, roll, cases, deadlines=deadlines, anonymous=anonymous)
