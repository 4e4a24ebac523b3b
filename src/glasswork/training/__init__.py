"""The loop, checkpoints and run folders; emits events, draws nothing."""

from glasswork.training.adversarial import AdversarialConfig, PointsTask, score_points
from glasswork.training.adversarial_pictures import PicturesConfig, PicturesTask, score_made, untrained
from glasswork.training.augmentation import Augmentation
from glasswork.training.autoencoding import AutoencoderConfig, Autoencoding, as_tensor, pictures_of, score_pictures
from glasswork.training.captioned import Captioned, aside_groups, read_pairs
from glasswork.training.classification import Classification, ClassifierConfig, held_out, score_files, split_validation
from glasswork.training.config import Config, as_record, flat, from_record, origins, setting_names
from glasswork.training.contrasting import Contrasting, ContrastiveConfig, score_pairs
from glasswork.training.denoising import DenoiserConfig, Denoising
from glasswork.training.events import Evaluated, Finished, Saved, Started, Stepped, Stopped, TrainEvent, Warned
from glasswork.training.forecasting import ForecastConfig, Forecasting, score_forecasts, tell
from glasswork.training.interrupting import asked_to_stop
from glasswork.training.judging import Judgement, combinations, held_out_prompts, judge, judged_prompts
from glasswork.training.language import Language, LanguageConfig
from glasswork.training.language import scored as score_text
from glasswork.training.loop import train
from glasswork.training.metrics import Course, read_metrics
from glasswork.training.run import RUN, free_folder, latest_folder, run
from glasswork.training.segmenting import SegmenterConfig, Segmenting, score_masks
from glasswork.training.segmenting_tiles import score_tiles
from glasswork.training.state import Kept, State, begin
from glasswork.training.tabular import TableConfig, Tabular, scored_rows, split_rows, target_of
from glasswork.training.task import About, Draw, Task, Turn
from glasswork.training.translating import Translating, TranslationConfig
from glasswork.training.translating import chosen as chosen_pairs
from glasswork.training.translating import final_scores as score_translation
from glasswork.training.utterances import UtteranceConfig, Utterancing, score_utterances
from glasswork.training.watching import Watch, look, watch

__all__ = [
    "RUN",
    "About",
    "AdversarialConfig",
    "Augmentation",
    "AutoencoderConfig",
    "Autoencoding",
    "Captioned",
    "Classification",
    "ClassifierConfig",
    "Config",
    "Contrasting",
    "ContrastiveConfig",
    "Course",
    "DenoiserConfig",
    "Denoising",
    "Draw",
    "Evaluated",
    "Finished",
    "ForecastConfig",
    "Forecasting",
    "Judgement",
    "Kept",
    "Language",
    "LanguageConfig",
    "PicturesConfig",
    "PicturesTask",
    "PointsTask",
    "Saved",
    "SegmenterConfig",
    "Segmenting",
    "Started",
    "State",
    "Stepped",
    "Stopped",
    "TableConfig",
    "Tabular",
    "Task",
    "TrainEvent",
    "Translating",
    "TranslationConfig",
    "Turn",
    "UtteranceConfig",
    "Utterancing",
    "Warned",
    "Watch",
    "as_record",
    "as_tensor",
    "aside_groups",
    "asked_to_stop",
    "begin",
    "chosen_pairs",
    "combinations",
    "flat",
    "free_folder",
    "from_record",
    "held_out",
    "held_out_prompts",
    "judge",
    "judged_prompts",
    "latest_folder",
    "look",
    "origins",
    "pictures_of",
    "read_metrics",
    "read_pairs",
    "run",
    "score_files",
    "score_forecasts",
    "score_made",
    "score_masks",
    "score_pairs",
    "score_pictures",
    "score_points",
    "score_text",
    "score_tiles",
    "score_translation",
    "score_utterances",
    "scored_rows",
    "setting_names",
    "split_rows",
    "split_validation",
    "target_of",
    "tell",
    "train",
    "untrained",
    "watch",
]
