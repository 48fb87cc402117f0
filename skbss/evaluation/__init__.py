"""How well systems separate: tasks, runs, tables, and numbers against perception."""

from skbss.evaluation._by_iteration import by_iteration
from skbss.evaluation._disparity import DisparityReport, disparity_report
from skbss.evaluation._evaluate import evaluate
from skbss.evaluation._evaluation import Evaluation, read_evaluation
from skbss.evaluation._leaderboard import Leaderboard, leaderboard
from skbss.evaluation._listening_test import listening_test
from skbss.evaluation._mixtures import make_mixtures
from skbss.evaluation._ratings import Ratings, read_ratings
from skbss.evaluation._remix import remix
from skbss.evaluation._rooms import Room
from skbss.evaluation._separate_tasks import separate_tasks
from skbss.evaluation._task import Task

__all__ = [
    "DisparityReport",
    "Evaluation",
    "Leaderboard",
    "Ratings",
    "Room",
    "Task",
    "by_iteration",
    "disparity_report",
    "evaluate",
    "leaderboard",
    "listening_test",
    "make_mixtures",
    "read_evaluation",
    "read_ratings",
    "remix",
    "separate_tasks",
]
