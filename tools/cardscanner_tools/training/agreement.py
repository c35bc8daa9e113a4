"""How well a student answers as its teacher does, on captures of cards that neither has seen."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np
from torch import nn

from cardscanner.records import Vectors
from cardscanner_tools.training.validation import Validation, embed


class Agreement:
    """Two validations of the same cards and captures, each at the size of its network."""

    def __init__(self, student: Validation, teacher: Validation, teacher_net: nn.Module) -> None:
        self.student, self.teacher, self.teacher_net = student, teacher, teacher_net

    @cached_property
    def _wanted(self) -> Mapping[str, Vectors]:
        """The teacher does not change, so its answers are computed once."""
        return {style: embed(self.teacher_net, crops) for style, crops in self.teacher.known.items()}

    @cached_property
    def _teacher_figures(self) -> dict[str, float]:
        return self.teacher.measure(self.teacher_net)

    def measure(self, net: nn.Module) -> dict[str, float]:
        """Return the student's figures, and by style mean and 5 % quantile of the cosine to the teacher.

        ``*_behind`` is the student's top-1 minus the teacher's: below 0 it is worse.
        """
        figures = self.student.measure(net)
        for style, crops in self.student.known.items():
            cosines = (embed(net, crops) * self._wanted[style]).sum(axis=1)
            figures[f"{style}_cosine"] = float(cosines.mean())
            figures[f"{style}_cosine_p5"] = float(np.quantile(cosines, 0.05))
            teacher = self._teacher_figures[f"{style}_top1"]
            figures[f"{style}_behind"] = figures[f"{style}_top1"] - teacher
        return figures
