"""Why a network says what it says of a picture: which parts of it count, and what its units look for."""

from glasswork.explaining.attributing.ascent import Ascended, ascend
from glasswork.explaining.attributing.batches import at_once
from glasswork.explaining.attributing.grad_cam import GradCam, grad_cam
from glasswork.explaining.attributing.integrated_gradients import Integrated, integrated_gradients
from glasswork.explaining.attributing.layer_outputs import Call, call_of, output_of
from glasswork.explaining.attributing.occlusion import Covers, Occluded, covers, occlusion
from glasswork.explaining.attributing.responses import Responses, responses

__all__ = [
    "Ascended",
    "Call",
    "Covers",
    "GradCam",
    "Integrated",
    "Occluded",
    "Responses",
    "ascend",
    "at_once",
    "call_of",
    "covers",
    "grad_cam",
    "integrated_gradients",
    "occlusion",
    "output_of",
    "responses",
]
