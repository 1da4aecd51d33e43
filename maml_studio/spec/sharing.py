"""Whether an experiment's meta-batches can be shared out to several processes."""

from .errors import Problem
from .experiment import Experiment


def unshareable(experiment: Experiment, processes: int) -> Problem | None:
    """Why an experiment can't be trained by that many processes together, at the field to change; None where it can."""
    training = experiment.training
    if experiment.algorithm.pools_tasks and experiment.model.batch_norm and processes > 1:
        title = type(experiment.algorithm).title
        return Problem("model.norm", f"should be another than batch: {title} normalises over all tasks at once; or train in one process")
    if training.tail * training.meta_batch <= processes - 1:
        what = "one task" if training.tail == 1 else "one of the worst tasks (training.tail)"
        return Problem("training.meta_batch", f"should be larger: there is not {what} for each of {processes} processes")
    return None
