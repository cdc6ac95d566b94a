"""A user's folder: `t2t-trainer --t2t_usr_dir=examples/usr_dir --problems=reverse_letters ...`."""

import usr_dir.mean_body
import usr_dir.reverse_letters  # noqa: F401
