"""Roll: who has handed in what, and by whose numbers is it judged?"""

import contextlib
from dataclasses import dataclass, field

from dlbook.grader import marks, release
from dlbook.grader.cells import name_of, parse, points_of, tasks_of, tests_of, worked_as
from dlbook.grader.collect import collected
from dlbook.grader.judge import Job
from dlbook.grader.people import folded, folders_by_student
from dlbook.grader.submissions import LARGEST, Hand

_LONGEST_NAME = 200


@dataclass
class Case:
    """A submission to be judged, and what is said of it besides: to the instructor, and to the student."""

    job: Job
    notes: list = field(default_factory=list)  # of pairs

    def note(self, text):
        """Add a note, the same for both."""
        self.notes.append((text, text))


class Roll:
    """A class and the exercises that it was given.

    Attributes
    ----------
    students : sequence of str or None
        The class list.
    everyone, known : list, set of str
        Who gets a row: the class list and the folders; and who may stand in ``by_hand.csv``: those of earlier
        runs, too.
    wanted : list of str
        The exercises to grade.
    sources, points : dict
        Each exercise's source, and the points of its tasks.
    collected : list of dict
        What `collect` has put where.

    Raises
    ------
    ValueError
        If there is nothing to grade.
    """

    def __init__(self, submissions, out, course, students=None, wanted=None):
        if not submissions.is_dir():
            raise ValueError(f"{submissions} is not a folder")
        self._submissions, self._out, self._course, self.students = submissions, out, course, students
        self.sources = {
            name: parse(release.path_of(name, course).read_text(encoding="utf-8"))
            for name in release.exercises(source=course)
        }
        self._ids = _own_names(self.sources)
        folders = folders_by_student(submissions, students)
        self._hands = {name: Hand(paths, self._ids) for name, paths in folders.items()}
        self.everyone = list(dict.fromkeys([*(students or []), *self._hands]))
        self.wanted = release.exercises(wanted, course) if wanted else self._handed_in()
        self.points = {
            exercise: {name_of(cell): points_of(cell) for cell, _ in tasks_of(one)}
            for exercise, one in self.sources.items()
        }
        course.check_tasks(self.points)
        earlier = (path.name for path in (out / "results").glob("*") if path.is_dir())
        self.known = {*self.everyone, *earlier}
        self.collected = collected(submissions)

    def marks(self, *, anonymous=False):
        """What a person has written into ``by_hand.csv``, and the alias of each student."""
        aliases = marks.aliases(self._out, self.known, make=anonymous)
        return marks.read(self._out / "by_hand.csv", self.known, self.points, aliases), aliases

    def tests(self):
        """The tasks that a test grades, as pairs (exercise, task)."""
        return {(exercise, task) for exercise, source in self.sources.items() for task in tests_of(source)}

    def cases(self, *, unsafe, **limits):
        """Look for each student's submission to each exercise; archives are unpacked into ``OUT``."""
        course, places = self._course, self._course.places()
        delivered = {self._submissions / row["student"] / row["file"] for row in self.collected}
        cases = []
        for student in self.everyone:
            hand = self._hands.get(student) or Hand([self._submissions / student], self._ids)
            for exercise in self.wanted:
                unpacked = self._out / "unpacked" / student / f"{exercise}.ipynb"
                found = hand.find(exercise, self.sources[exercise], unpacked)
                variant, whose = _numbers(found, student, self.students)
                job = Job(
                    source=str(release.path_of(exercise, course)),
                    submission=str(found.path.absolute()),
                    exercise=exercise,
                    student=student,
                    variant=variant,
                    ids=self._ids,
                    unsafe=unsafe,
                    libraries=places,
                    shows=list(course.shows),
                    yourself=course.yourself.get(exercise, {}),
                    measures=course.measures.get(exercise, []),
                    status=found.status,
                    **limits,
                )
                case = Case(job)
                if found.note and not (found.path.name == f"{exercise}.ipynb" and found.path in delivered):
                    case.note(found.note)
                case.notes += whose
                cases.append(case)
        return cases

    def _handed_in(self):
        found = {exercise for hand in self._hands.values() for exercise in hand.exercises()}
        there = [name for name in self.sources if name in found]
        if not there:
            raise ValueError(
                f"nobody has handed in an exercise: {self._submissions}/<student>/<exercise>/<exercise>.ipynb"
            )
        return there


def _own_names(sources):
    """The cells' names of each exercise that no other exercise has."""
    names = {
        exercise: {name_of(cell) for cell in source["cells"]} - {None} for exercise, source in sources.items()
    }
    return {
        exercise: sorted(mine - set().union(*(other for key, other in names.items() if key != exercise)))
        for exercise, mine in names.items()
    }


def _numbers(found, student, students):
    """Return by whose numbers to judge, and the notes on it."""
    name = _worked_as(found)
    if not students:
        return "anyone" if name is None else name, []
    worked = folded(name or "")
    if name is None or worked == folded(student):
        return student, []
    whose = f"worked with the numbers of {name!r}"
    if worked in map(folded, students):
        told = "This notebook has another student's numbers. It was judged by your own."
        return student, [(f"{whose}, who is another student; judged by the student's own", told)]
    if student not in students:
        return name, []
    told = "This notebook does not have the name that the class list has. It was judged by the numbers in it."
    return name, [(f"{whose}, and judged by them: not the name on the class list", told)]


def _worked_as(found):
    """Return the name with whose numbers the student worked, or None."""
    path, name = found.path, None
    with contextlib.suppress(OSError, ValueError):
        if not found.status and path.is_file() and not path.is_symlink() and path.stat().st_size <= LARGEST:
            name = worked_as(parse(path.read_bytes().decode("utf-8-sig")))
    return name if name is not None and name.isprintable() and len(name) <= _LONGEST_NAME else None
