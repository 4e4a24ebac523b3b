// Generated from src/glasswork/scenes/messages/ by scripts/build_messages.py. Don't edit.

/**
 */
export type Request =
  | ListNetworks
  | ListSamples
  | OpenScene
  | OpenGraph
  | OpenRace
  | OpenReading
  | OpenStep
  | FindUnits
  | FindPlaces
  | WriteOn
  | OpenUnrolled
  | OpenRecurrence
  | OpenForecast
  | OpenUtterance
  | RememberOn
  | ListSpoken
  | OpenText
  | OpenHead
  | ReadLens
  | NextTokens
  | Continue
  | OpenSlopes
  | Translate
  | TranslateBeside
  | OpenPair
  | OpenPairHead
  | OpenPairSlopes
  | OpenPatches
  | OpenPatchHead
  | OpenPatchSlopes
  | OpenMask
  | GrowMask
  | ListSeeing
  | FetchWeights
  | OpenWhy
  | FindExciting
  | ClimbOn
  | OpenForgetting
  | ListTextToImage
  | ImagineOn
  | MakePicture
  | OpenMoment
  | OpenDecoder
  | FindNear
  | ComparePaths
  | OpenNoising
  | OpenPromptScores
  | FetchTensors
  | FetchPlane
  | ExplainNumber
  | SaveTensor
  | ListRuns
  | OpenCourse
  | SteerRun
  | StartRun
  | ResumeRun
  | SlowStep
  | FollowWeight
  | FollowAnswer
  | OpenLesson
  | OpenLandscape
  | OpenLecture
  | OpenLectureLesson
  | FindAnswer
  | DrawQuestion
  | PlayOn
  | GivePoints
  | LabOn
  | MeasureLab
  | SlowLab
  | GiveDensity
  | DrawPlaces
  | OpenScores
  | OpenWorkshop
  | LookAtPictures
  | ShowVaried
  | OpenTaught
  | FetchPicture
  | ExportRun
  | Cancel;
/**
 */
export type Answer =
  | Reading
  | Step
  | Units
  | Places
  | Written
  | Unrolled
  | Recurrence
  | Forecasts
  | Utterance
  | Remembered
  | Spoken
  | TextRead
  | HeadRead
  | HeadWithout
  | Lens
  | Nexts
  | Continued
  | Slopes
  | Translated
  | TranslatedBeside
  | PairRead
  | PairHeadRead
  | PairSlopes
  | PatchesRead
  | PatchHeadRead
  | PatchSlopes
  | MaskRead
  | MaskGrown
  | Seeing
  | WhyRead
  | CamRead
  | IntegratedRead
  | OccludedRead
  | Exciting
  | Climbed
  | Forgetting
  | TextToImageModels
  | Imagined
  | ImagineStep
  | ImagineEnded
  | PictureMade
  | MomentOpened
  | DecoderOpened
  | Near
  | PathsCompared
  | PromptScores
  | Noising
  | Scene
  | Graph
  | Race
  | Maps
  | File
  | Plane
  | Explained
  | Networks
  | Samples
  | RunList
  | Course
  | Steered
  | SlowMotion
  | Followed
  | LessonOf
  | Landscape
  | Lecture
  | LectureLesson
  | FoundAnswer
  | DrawnQuestion
  | Played
  | PointsGiven
  | LabShown
  | LabMeasured
  | LabSlowed
  | DensityGiven
  | DrawnPlaces
  | Scores
  | Workshop
  | Working
  | LookedAt
  | Varied
  | Taught
  | Exported
  | Failure
  | Done;

export interface Messages {
  [k: string]: unknown;
}
/**
 * Which networks are here.
 */
export interface ListNetworks {
  type: "list_networks";
  request: number;
}
/**
 * The sample pictures of a network.
 */
export interface ListSamples {
  type: "list_samples";
  network: string;
  request: number;
}
/**
 * Run a network on an input, forward and backward from one score, and show it.
 */
export interface OpenScene {
  type: "open_scene";
  network: string;
  input?: string | null;
  score?: number | null;
  backward?: boolean;
  view?: string;
  request: number;
}
/**
 * Run any network on an input and show it as columns, folded as the page asks.
 */
export interface OpenGraph {
  type: "open_graph";
  network: string;
  input?: string | null;
  edits?: Edit[];
  level?: "blocks" | "operations" | "stages";
  opened?: string[];
  shut?: string[];
  backward?: boolean;
  view?: string;
  request: number;
}
/**
 * One change to a run: what becomes of the numbers at one place of a tensor.
 */
export interface Edit {
  at: string;
  index: number[];
  axis?: number | null;
  action: "off" | "patch" | "scale" | "set";
  value?: number;
  other?: string;
  other_index?: number[];
}
/**
 * Everything that is claimed, published and measured of the architectures.
 */
export interface OpenRace {
  type: "open_race";
  request: number;
}
/**
 * A network of memory cells reads a text.
 */
export interface OpenReading {
  type: "open_reading";
  network: string;
  text?: string | null;
  switches?: Switch[];
  unit?: number | null;
  place?: number;
  input?: string | null;
  request: number;
}
/**
 * A gate of one unit that is held: its bias is set so far off that nothing else counts.
 */
export interface Switch {
  unit: number;
  gate: "forget" | "input" | "output";
  open: boolean;
  place?: number;
}
/**
 * The arithmetic of one unit at one step.
 */
export interface OpenStep {
  type: "open_step";
  source: string;
  step: number;
  unit: number;
  place?: number;
  request: number;
}
/**
 * Which units are on in a stretch of the text, and no more outside it.
 */
export interface FindUnits {
  type: "find_units";
  source: string;
  begin: number;
  end: number;
  place?: number;
  request: number;
}
/**
 * Where else units are on, or off, together: in the text, and in a part of its book that the network never saw.
 */
export interface FindPlaces {
  type: "find_places";
  source: string;
  begin: number;
  end: number;
  units: number[];
  place?: number;
  request: number;
}
/**
 * Draw the next character.
 */
export interface WriteOn {
  type: "write_on";
  source: string;
  temperature: number;
  seed: number;
  request: number;
}
/**
 * An RNN reads a sequence.
 */
export interface OpenUnrolled {
  type: "open_unrolled";
  network: string;
  text?: string | null;
  end?: number | null;
  place?: number;
  input?: string | null;
  request: number;
}
/**
 * The arithmetic of one unit at one step.
 */
export interface OpenRecurrence {
  type: "open_recurrence";
  source: string;
  step: number;
  unit: number;
  place?: number;
  request: number;
}
/**
 * What a network told of the end of its series, beside what can be told without one.
 */
export interface OpenForecast {
  type: "open_forecast";
  network: string;
  horizon?: number | null;
  request: number;
}
/**
 * What a network makes of one utterance that it was not trained on, step by step.
 */
export interface OpenUtterance {
  type: "open_utterance";
  network: string;
  index: number;
  request: number;
}
/**
 * Be at a step, as far as the time allows, and show what both are there.
 */
export interface RememberOn {
  type: "remember_on";
  problem: Problem;
  step: number;
  milliseconds?: number;
  example?: number;
  request: number;
}
/**
 * A problem, and how an RNN and an LSTM learn it.
 */
export interface Problem {
  problem?: "adding" | "copy";
  length?: number;
  units?: number;
  batch?: number;
  rate?: number;
  clip?: number;
  radius?: number;
  seed?: number;
}
/**
 * Which language models there are.
 */
export interface ListSpoken {
  type: "list_spoken";
  named?: string | null;
  request: number;
}
/**
 * A Transformer reads a text.
 */
export interface OpenText {
  type: "open_text";
  network: string;
  text?: string | null;
  more?: number[];
  switched?: Switched[];
  other?: string | null;
  followed?: number | null;
  position?: number | null;
  how?: Sampled | null;
  listed?: number;
  lanes?: number;
  request: number;
}
/**
 * Something of the network that is switched off, or taken from the run on another text.
 */
export interface Switched {
  what: "block" | "head" | "heads" | "mlp" | "stream" | "weight";
  layer: number;
  head?: number;
  row?: number;
  column?: number;
  value?: number;
}
/**
 * How the next token is drawn.
 */
export interface Sampled {
  temperature?: number;
  top_k?: number;
  top_p?: number;
  min_p?: number;
  seed?: number;
}
/**
 * What one head does at a position.
 */
export interface OpenHead {
  type: "open_head";
  source: string;
  layer: number;
  head: number;
  row: number;
  column: number;
  token: number;
  request: number;
}
/**
 * What each block's stream would answer, at some positions.
 */
export interface ReadLens {
  type: "read_lens";
  source: string;
  positions: number[];
  request: number;
}
/**
 * The next token: what may be drawn, with what probability, and what is.
 */
export interface NextTokens {
  type: "next_tokens";
  source: string;
  position: number;
  how: Sampled;
  listed?: number;
  request: number;
}
/**
 * Write on with a cache, several times from one text.
 */
export interface Continue {
  type: "continue";
  source: string;
  position: number;
  how: Sampled;
  count: number;
  texts?: number;
  request: number;
}
/**
 * Backward: from the followed logit to every token, block and weight.
 */
export interface OpenSlopes {
  type: "open_slopes";
  source: string;
  position: number;
  token: number;
  request: number;
}
/**
 * A phrase is translated; every branch that was looked at comes back.
 */
export interface Translate {
  type: "translate";
  network: string;
  text?: string | null;
  beams?: number;
  penalty?: number;
  request: number;
}
/**
 * The same phrase by another translator, that has learned from the same phrases: a recurrent one.
 */
export interface TranslateBeside {
  type: "translate_beside";
  network: string;
  text: string;
  beams?: number;
  penalty?: number;
  request: number;
}
/**
 * Encoder and decoder on a phrase and what is written of its translation.
 */
export interface OpenPair {
  type: "open_pair";
  source: string;
  written: number[];
  position: number;
  followed?: number | null;
  off?: HeadOff[];
  patched?: PairPatch[];
  other?: string | null;
  request: number;
}
/**
 * A head that is switched off.
 */
export interface HeadOff {
  part: "cross" | "decoder" | "encoder";
  layer: number;
  head: number;
}
/**
 * The stream before a block, at a token, is taken from the run on another phrase, at the same token from the start.
 *     That run writes the same translation, as far as it is written.
 */
export interface PairPatch {
  side: "decoder" | "encoder";
  layer: number;
  row: number;
}
/**
 * What one head does at a position.
 */
export interface OpenPairHead {
  type: "open_pair_head";
  source: string;
  part: "cross" | "decoder" | "encoder";
  layer: number;
  head: number;
  row: number;
  column: number;
  position: number;
  token: number;
  request: number;
}
/**
 * Backward: from a logit to every token of both texts, every block, and its weights.
 */
export interface OpenPairSlopes {
  type: "open_pair_slopes";
  source: string;
  position: number;
  token: number;
  request: number;
}
/**
 * A Vision Transformer reads a picture.
 */
export interface OpenPatches {
  type: "open_patches";
  network: string;
  input?: string | null;
  followed?: number | null;
  token?: number;
  switched?: SwitchedPart[];
  request: number;
}
/**
 * Something that is switched off.
 */
export interface SwitchedPart {
  what: "block" | "head" | "heads" | "mlp" | "patch";
  layer?: number;
  head?: number;
  token?: number;
}
/**
 * What one head does for a token.
 */
export interface OpenPatchHead {
  type: "open_patch_head";
  source: string;
  layer: number;
  head: number;
  token: number;
  followed: number;
  column?: number | null;
  request: number;
}
/**
 * Backward: from the followed logit to every patch and pixel.
 */
export interface OpenPatchSlopes {
  type: "open_patch_slopes";
  source: string;
  followed: number;
  request: number;
}
/**
 * A network says of each pixel of a picture what it belongs to.
 */
export interface OpenMask {
  type: "open_mask";
  network: string;
  input?: string | null;
  mask?: string | null;
  kind?: number | null;
  threshold?: number | null;
  place?: number[] | null;
  shut?: number[];
  backward?: boolean;
  request: number;
}
/**
 * The same picture with more and more of its skip connections let through, the lowest first.
 */
export interface GrowMask {
  type: "grow_mask";
  source: string;
  kind: number;
  request: number;
}
/**
 * Which networks of pictures a page shows, and whether their weights are on this machine: convolutional ones, or
 *     those in patches, of which only such whose weights others keep.
 */
export interface ListSeeing {
  type: "list_seeing";
  page?: "cnn" | "vit";
  request: number;
}
/**
 * Begin to bring the weights of one here; `ListSeeing` says how far that is.
 */
export interface FetchWeights {
  type: "fetch_weights";
  network: string;
  page?: "cnn" | "vit";
  request: number;
}
/**
 * What a network says of a picture, and why.
 */
export interface OpenWhy {
  type: "open_why";
  network: string;
  input?: string | null;
  score?: number | null;
  layer?: string;
  baseline?: ("black" | "grey" | "white") | null;
  all?: boolean;
  view?: string;
  request: number;
}
/**
 * Which of the pictures that ship excite a channel most.
 */
export interface FindExciting {
  type: "find_exciting";
  network: string;
  layer?: string;
  channel?: number | null;
  request: number;
}
/**
 * A picture made so that a channel, or a class, answers to it most.
 */
export interface ClimbOn {
  type: "climb_on";
  network: string;
  channel: number;
  layer?: string;
  steps?: number;
  seed?: number;
  request: number;
}
/**
 * Two networks of one size read a text; how much does each earlier character move each guess?
 */
export interface OpenForgetting {
  type: "open_forgetting";
  text?: string | null;
  radius?: number | null;
  request: number;
}
/**
 * Which text-to-image models are here.
 */
export interface ListTextToImage {
  type: "list_text_to_image";
  request: number;
}
/**
 * Make a picture, and show every step as it happens.
 */
export interface ImagineOn {
  type: "imagine_on";
  model: string;
  how: How;
  drawn?: number;
  view?: string;
  request: number;
}
/**
 * How a picture is made.
 */
export interface How {
  prompt: string;
  negative?: string;
  seed?: number;
  steps?: number;
  guidance?: number;
  sampler?: string;
  start?: string;
  strength?: number;
  mask?: string;
}
/**
 * Make a picture, and show nothing but it.
 */
export interface MakePicture {
  type: "make_picture";
  model: string;
  how: How;
  view?: string;
  request: number;
}
/**
 * The denoiser's layers at a step of a run, and where each word is looked at.
 */
export interface OpenMoment {
  type: "open_moment";
  source: string;
  step: number;
  half?: "with" | "without";
  layer?: number;
  head?: number;
  request: number;
}
/**
 * How the decoder makes the picture that one gets by stopping at a step.
 */
export interface OpenDecoder {
  type: "open_decoder";
  source: string;
  step: number;
  request: number;
}
/**
 * Which captions and pictures lie near a run's prompt, by the encoders that were trained on both.
 */
export interface FindNear {
  type: "find_near";
  source: string;
  other?: string;
  request: number;
}
/**
 * The latents of two runs on the plane that shows most of how they differ.
 */
export interface ComparePaths {
  type: "compare_paths";
  source: string;
  other: string;
  request: number;
}
/**
 * How a picture is noised in training, and one step of training on it.
 */
export interface OpenNoising {
  type: "open_noising";
  model: string;
  picture: string;
  prompt?: string;
  seed?: number;
  time?: number;
  request: number;
}
/**
 * How well a model follows its words.
 */
export interface OpenPromptScores {
  type: "open_prompt_scores";
  model: string;
  request: number;
}
/**
 * Whole tensors of a trace: `SOURCE#path@what` each, without an index.
 */
export interface FetchTensors {
  type: "fetch_tensors";
  refs: string[];
  request: number;
}
/**
 * All the numbers of the picture that one number is in: its channel's rows and columns.
 */
export interface FetchPlane {
  type: "fetch_plane";
  ref: string;
  view?: string;
  request: number;
}
/**
 * Where one number comes from, and its trail from the score to the input.
 */
export interface ExplainNumber {
  type: "explain_number";
  ref: string;
  limit?: number;
  view?: string;
  request: number;
}
/**
 * A whole tensor of a trace as a file: `SOURCE#path@what`, without an index.
 */
export interface SaveTensor {
  type: "save_tensor";
  ref: string;
  form: "csv" | "npy";
  request: number;
}
/**
 * Which runs there are, and what can be trained.
 */
export interface ListRuns {
  type: "list_runs";
  request: number;
}
/**
 * How a run stands and has gone; asked again and again while somebody looks.
 */
export interface OpenCourse {
  type: "open_course";
  run: string;
  points?: number;
  known?: string;
  view?: string;
  request: number;
}
/**
 * Give an order to a run that goes on.
 */
export interface SteerRun {
  type: "steer_run";
  run: string;
  do: "go" | "pause" | "rate" | "step" | "stop";
  value?: number;
  request: number;
}
/**
 * Begin a run, in a process of its own.
 */
export interface StartRun {
  type: "start_run";
  recipe: string;
  settings?: {
    [k: string]: string;
  };
  text?: string;
  pictures?: string;
  start?: string;
  request: number;
}
/**
 * Go on with a run that was stopped, or has died.
 */
export interface ResumeRun {
  type: "resume_run";
  run: string;
  request: number;
}
/**
 * The step that follows after a saved one, taken again: forward, loss, backward, update.
 */
export interface SlowStep {
  type: "slow_step";
  run: string;
  step: number;
  weight?: string;
  request: number;
}
/**
 * One weight at every saved step.
 */
export interface FollowWeight {
  type: "follow_weight";
  run: string;
  weight: string;
  request: number;
}
/**
 * What the network answers to one input at every saved step.
 */
export interface FollowAnswer {
  type: "follow_answer";
  run: string;
  input?: string | null;
  request: number;
}
/**
 * Backpropagation of one digit, and the step that follows.
 */
export interface OpenLesson {
  type: "open_lesson";
  lesson: Lesson;
  weight?: number[];
  view?: string;
  request: number;
}
/**
 * A network that learns digits, by how many steps of what.
 */
export interface Lesson {
  network?: string;
  layers?: LayerOf[];
  seed?: number;
  optimiser?: string;
  rate?: number;
  batch?: number;
  step?: number;
  input?: string;
  label?: number | null;
}
/**
 * One layer of a dense network.
 */
export interface LayerOf {
  units: number;
  activation: string;
}
/**
 * The cost around a network's weights, along two directions through them, and the way so far.
 */
export interface OpenLandscape {
  type: "open_landscape";
  lesson: Lesson;
  request: number;
}
/**
 * Which lessons there are.
 */
export interface OpenLecture {
  type: "open_lecture";
  language?: string;
  request: number;
}
/**
 * One lesson, all of it.
 */
export interface OpenLectureLesson {
  type: "open_lecture_lesson";
  name: string;
  language?: string;
  request: number;
}
/**
 * Let the networks say which of the choices is right.
 */
export interface FindAnswer {
  type: "find_answer";
  answer: string;
  choices: string[];
  request: number;
}
/**
 * A question of the quiz; another seed, another question.
 */
export interface DrawQuestion {
  type: "draw_question";
  seed: number;
  request: number;
}
/**
 * Be at a step, as far as the time allows, and show what the network is there.
 */
export interface PlayOn {
  type: "play_on";
  play: PlayOf;
  step: number;
  milliseconds?: number;
  points?: boolean;
  view?: string;
  request: number;
}
/**
 * A network of the playground, and how it is trained.
 */
export interface PlayOf {
  data?: string;
  count?: number;
  test?: number;
  noise?: number;
  features?: string[];
  hidden?: LayerOf[];
  optimiser?: string;
  rate?: number;
  momentum?: number;
  batch?: number;
  l1?: number;
  l2?: number;
  dropout?: number;
  seed?: number;
  edits?: Dragged[];
}
/**
 * A weight that was set by hand.
 */
export interface Dragged {
  step: number;
  layer: number;
  unit: number;
  source: number;
  value: number;
}
/**
 * Points of the reader's: x, y, and a class of two, or a value.
 */
export interface GivePoints {
  type: "give_points";
  points: number[][];
  request: number;
}
/**
 * Be at a step, as far as the time allows, and show what the players are there.
 */
export interface LabOn {
  type: "lab_on";
  lab: LabOf;
  step: number;
  milliseconds?: number;
  whole?: boolean;
  view?: string;
  request: number;
}
/**
 * Two players, what they learn, and how.
 */
export interface LabOf {
  data?: string;
  noise?: string;
  numbers?: number;
  loss?: string;
  penalty?: number;
  zero_centred?: number;
  batch?: number;
  seed?: number;
  generator?: ActorOf;
  discriminator?: ActorOf;
  acts?: Act[];
  start?: string;
}
/**
 * One player, and how it learns.
 */
export interface ActorOf {
  hidden?: LayerOf[];
  optimiser?: string;
  rate?: number;
  beta1?: number;
  beta2?: number;
  steps?: number;
}
/**
 * A step that one player took alone.
 */
export interface Act {
  step: number;
  actor: string;
}
/**
 * Measure the players of a step that was shown a moment ago.
 */
export interface MeasureLab {
  type: "measure_lab";
  lab: LabOf;
  step: number;
  view?: string;
  request: number;
}
/**
 * One step in slow motion: where its numbers come from.
 */
export interface SlowLab {
  type: "slow_lab";
  lab: LabOf;
  step: number;
  sample?: number;
  stage?: number;
  actor?: string;
  layer?: number;
  unit?: number;
  source?: number;
  request: number;
}
/**
 * Something of the reader's to draw from: points, strokes in the unit square, or a picture.
 */
export interface GiveDensity {
  type: "give_density";
  kind: string;
  points?: number[][];
  input?: string;
  request: number;
}
/**
 * Make pictures from places in the noise, or take real ones, and judge them.
 */
export interface DrawPlaces {
  type: "draw_places";
  network: string;
  places: string[];
  slopes?: boolean;
  view?: string;
  request: number;
}
/**
 * How the discriminator's numbers for real and for made pictures are spread.
 */
export interface OpenScores {
  type: "open_scores";
  network: string;
  request: number;
}
/**
 * Do an operation to a picture, and follow a stack of layers.
 */
export interface OpenWorkshop {
  type: "open_workshop";
  operation: OperationOf;
  input?: string | null;
  side?: number;
  colour?: boolean;
  stack?: string;
  samples?: boolean;
  view?: string;
  request: number;
}
/**
 * One operation and its settings, by torch's names.
 */
export interface OperationOf {
  do?: "average" | "conv" | "global" | "max" | "transposed";
  kernel?: string;
  size?: number;
  stride?: number;
  padding?: number;
  fill?: "circular" | "reflect" | "zeros";
  dilation?: number;
  groups?: number;
  bias?: number | null;
}
/**
 * What is in a set of pictures, what is wrong with it, and what it can begin from.
 */
export interface LookAtPictures {
  type: "look_at_pictures";
  pictures: string;
  request: number;
}
/**
 * The first batch of the run that these settings would begin, as it is read and as it is learned from.
 */
export interface ShowVaried {
  type: "show_varied";
  pictures: string;
  start: string;
  settings?: {
    [k: string]: string;
  };
  request: number;
}
/**
 * What a run's network makes of all of its pictures.
 */
export interface OpenTaught {
  type: "open_taught";
  run: string;
  step?: number | null;
  way?: "pca" | "tsne";
  request: number;
}
/**
 * One of a run's pictures as a PNG file.
 */
export interface FetchPicture {
  type: "fetch_picture";
  run: string;
  index: number;
  request: number;
}
/**
 * A run's network as a file, checked against the network itself.
 */
export interface ExportRun {
  type: "export_run";
  run: string;
  form: "onnx" | "python" | "safetensors";
  request: number;
}
/**
 * Stop working on an earlier request.
 */
export interface Cancel {
  type: "cancel";
  cancels: number;
  request: number;
}
/**
 * A text as a network read it. With it come the bands, and those of the unchanged run where gates are held.
 */
export interface Reading {
  type: "reading";
  request: number;
  source: string;
  base: string;
  network: string;
  title: string;
  text: string;
  left_out: number;
  unknown: string;
  parts: string[];
  place: number;
  labels: string[];
  error: Number | null;
  writes: boolean;
  searches: boolean;
  hidden: number;
  bands: Band[];
  units: number[];
  unit: number;
  finding: "apart" | "forgets" | "keeps" | "none";
  fellows: number[];
  at_space: Number | null;
  on_letter: Number | null;
  guesses: Character[];
  came: Number[];
  nats: Number | null;
  nats_before: Number | null;
  guesses_before: string[];
  score: Number | null;
  arrays: Array[];
}
/**
 * A number and where it can be asked for.
 */
export interface Number {
  ref: string;
  value: number;
}
/**
 * A gate or a state over time; its array is (steps, units).
 */
export interface Band {
  name: "candidate" | "cell" | "forget" | "hidden" | "input" | "output";
  paths: string[];
  end: Number;
  beyond: Number | null;
}
/**
 * A character, and a number that is said of it.
 */
export interface Character {
  text: string;
  number: Number;
}
/**
 * One tensor of a binary frame. `ref` is `SOURCE#path@what`; the reference of an element adds its index.
 */
export interface Array {
  ref: string;
  shape: number[];
  dtype: "float32" | "float64" | "uint8";
}
/**
 * One unit at one step.
 */
export interface Step {
  type: "step";
  request: number;
  step: number;
  unit: number;
  gates: Gate[];
  cell_before: Number;
  kept: Number;
  written: Number;
  cell: Number;
  squashed: Number;
  hidden: Number;
  nexts: Character[];
}
/**
 * One gate of one unit at a step: act(from_input + from_hidden + bias).
 */
export interface Gate {
  name: "candidate" | "forget" | "input" | "output";
  from_input: Number;
  from_hidden: Number;
  bias: Number | null;
  sum: Number;
  value: Number;
}
/**
 * The units that tell a stretch from the rest, the clearest first.
 */
export interface Units {
  type: "units";
  request: number;
  begin: number;
  end: number;
  units: Unit[];
}
/**
 * A unit, and by how many of its own deviations its state is higher in the stretch than elsewhere.
 */
export interface Unit {
  unit: number;
  lift: Number;
}
/**
 * Where the pattern is clearest.
 */
export interface Places {
  type: "places";
  request: number;
  units: number[];
  here: Place[];
  searched: number;
  places: Place[];
}
/**
 * A place in the text or in the book.
 */
export interface Place {
  position: number;
  before: string;
  stretch: string;
  after: string;
  score: Number;
}
/**
 * The next character, drawn.
 */
export interface Written {
  type: "written";
  request: number;
  text: string;
  choices: Character[];
  drawn: number;
}
/**
 * A sequence as an RNN read it.
 *
 *     Its arrays: the states (T, H), what the layer read (T, I), W_h (H, H) and W_x (H, I); each of a step's states stands
 *     at `paths[step][0, unit]`.
 */
export interface Unrolled {
  type: "unrolled";
  request: number;
  source: string;
  network: string;
  title: string;
  reads: "numbers" | "series" | "text";
  activation: string;
  parts: string[];
  place: number;
  text: string;
  left_out: number;
  unknown: string;
  labels: string[];
  values: Number[];
  end: number | null;
  ends: number[];
  unit: string;
  told: Number | null;
  came: Number | null;
  hidden: number;
  inputs: number;
  paths: string[];
  units: number[];
  guesses: Character[];
  chances: Number[];
  nats: Number | null;
  score: Number | null;
  error: Number | null;
  writes: boolean;
  arrays: Array[];
}
/**
 * h_t[u] = f(W_x[u] x_t + W_h[u] h_(t-1) + b[u]), with its numbers.
 */
export interface Recurrence {
  type: "recurrence";
  request: number;
  step: number;
  unit: number;
  from_input: Number;
  from_hidden: Number;
  bias: Number | null;
  sum: Number;
  before: Number;
  value: Number;
  largest: Share[];
  nexts: Character[];
}
/**
 * One product of a sum: a weight of W_h, and the state that it is multiplied by.
 */
export interface Share {
  source: number;
  weight: Number;
  value: Number;
}
/**
 * The held-out end of a series.
 *
 *     Its arrays: what was measured, (M,), fp64, NaN where nothing was; then each teller's.
 */
export interface Forecasts {
  type: "forecasts";
  request: number;
  network: string;
  title: string;
  data: string;
  unit: string;
  step: string;
  horizon: number;
  horizons: number[];
  begin: number;
  times: string[];
  order: number;
  season: number;
  tellers: Teller[];
  arrays: Array[];
}
/**
 * One who tells the future. Its array: what it told of each step, (M,), fp64.
 */
export interface Teller {
  name: string;
  mae: Number;
}
/**
 * One utterance.
 *
 *     Its arrays: what is read, standardised, (T, C); the shares of each class if it ended at each step, (T, K).
 */
export interface Utterance {
  type: "utterance";
  request: number;
  network: string;
  title: string;
  index: number;
  name: string;
  source: string;
  classes: string[];
  label: number;
  said: number;
  share: Number;
  answers: number[];
  labels: number[];
  accuracy: Number;
  lookup: Number;
  kind: string;
  arrays: Array[];
}
/**
 * Where both stand.
 *
 *     Its arrays: the shown example, (T, I); for each learner its costs and the lengths of its gradients before they were
 *     cut, (P,) each, fp64, at the steps `steps`; and how long the gradient is to each step read, (T,).
 */
export interface Remembered {
  type: "remembered";
  request: number;
  source: string;
  step: number;
  steps: number[];
  blank: number;
  wanted: Number[];
  example: number;
  examples: number;
  learners: LearnerOf[];
  arrays: Array[];
}
/**
 * One of the two.
 */
export interface LearnerOf {
  kind: "lstm" | "rnn";
  parameters: number;
  cost: Number;
  right: Number;
  said: Number[];
  cut: Number | null;
  longest: Number | null;
  radius: Number;
  exploded: boolean;
}
/**
 * The language models.
 */
export interface Spoken {
  type: "spoken";
  request: number;
  networks: SpokenNetwork[];
}
/**
 * A language model that this page can open.
 */
export interface SpokenNetwork {
  name: string;
  title: string;
  here: boolean;
  todo: string;
  bytes: number;
  translates?: boolean;
}
/**
 * A text as a Transformer read it. With it come the streams' lengths (L + 1, T), what each head adds (L, H), and
 *     the attention weights (L, H, T, T), of long texts the largest of each square; then how the position's stream begins:
 *     the token's vector, where it has one its place's, and their sum, (W) each.
 */
export interface TextRead {
  type: "text_read";
  request: number;
  source: string;
  base: string;
  network: string;
  title: string;
  kind: string;
  layers: number;
  heads: number;
  groups: number;
  size: number;
  width: number;
  vocabulary: number;
  context: number;
  rotary: boolean;
  cut: number;
  unknown: string;
  pieces: Piece[];
  position: number;
  streams: string[];
  weights: string[];
  pooled: number;
  followed: Word;
  probability: Number;
  before: Number | null;
  ranks: Number[];
  adds: Adds[];
  embedding: Number;
  bias: Number | null;
  patched: Number | null;
  heads_sum: Number;
  mlps_sum: Number;
  total: Number;
  error: number;
  head: number[];
  gift: Number;
  resting: number;
  nats: Number | null;
  seconds: number;
  arrays: Array[];
}
/**
 * One token of the text.
 */
export interface Piece {
  text: string;
  id: Number;
}
/**
 * A token, and its number.
 */
export interface Word {
  text: string;
  id: number;
}
/**
 * What a block adds to the followed logit.
 */
export interface Adds {
  heads: Number;
  mlp: Number;
}
/**
 * A head's arithmetic at a position. With it come query, key and their products, (D) each, and its weights (T, T)
 *     where the text is short.
 */
export interface HeadRead {
  type: "head_read";
  request: number;
  layer: number;
  head: number;
  row: number;
  column: number;
  listed: number[];
  weights: Number[];
  dots: Number[];
  scaled: Number[];
  gives: Number[];
  rest: Number;
  writes: string[];
  now: Number;
  arrays: Array[];
}
/**
 * What would be without a head, after what it does: the whole network has to run once more for it. Of a text on
 *     which that takes long it does not come.
 */
export interface HeadWithout {
  type: "head_without";
  request: number;
  off: Number;
}
/**
 * The likeliest token of each stream at some positions, and its probability, (L + 1, P).
 */
export interface Lens {
  type: "lens";
  request: number;
  positions: number[];
  words: string[][];
  ids: number[][];
  arrays: Array[];
}
/**
 * The next token. With it come the outline of all shares by rank: rank and share at up to 200 ranks, (2, N).
 */
export interface Nexts {
  type: "nexts";
  request: number;
  choices: Choice[];
  kept: number;
  drawn: Word;
  arrays: Array[];
}
/**
 * One row of the table of next tokens.
 */
export interface Choice {
  word: Word;
  logit: Number;
  scaled: Number | null;
  share: Number;
  drawn_at: Number;
  kept: boolean;
}
/**
 * Texts written on, and what the cache held at the end.
 */
export interface Continued {
  type: "continued";
  request: number;
  texts: Continuation[];
  cached: number;
  positions: number;
  seconds: number;
}
/**
 * One text written on.
 */
export interface Continuation {
  seed: number;
  tokens: Written1[];
  text: string;
  ended: boolean;
}
/**
 * A token that was drawn.
 */
export interface Written1 {
  word: Word;
  probability: Number;
}
/**
 * Backward from a logit. With it come the length of the slope at each stream and position, (L + 1, T), and at all
 *     weights of each block's attention, MLP and norms, (L, 3).
 */
export interface Slopes {
  type: "slopes";
  request: number;
  source: string;
  tokens: Number[];
  writes: Number[];
  outside: Number;
  arrays: Array[];
}
/**
 * A phrase and its translation, with the tree that it grew from.
 */
export interface Translated {
  type: "translated";
  request: number;
  source: string;
  network: string;
  title: string;
  languages: string[];
  text: string;
  pieces: Piece[];
  cut: number;
  unknown: string[];
  place: "" | "test" | "train" | "validation";
  references: string[];
  others: string[];
  translation: string;
  exact: boolean;
  right: Number[];
  counts: number[];
  branches: Branch[];
  best: number[];
  held_out: Number[];
  parameters: number;
  beside: string;
  seconds: number;
}
/**
 * One node of the tree: a token after its parent.
 */
export interface Branch {
  word: Word;
  parent: number;
  step: number;
  logprob: Number;
  total: Number;
  worth: Number;
  kept: boolean;
  ended: boolean;
  text: string;
}
/**
 * What a recurrent translator makes of a phrase. With it comes where it looked: (T, S).
 */
export interface TranslatedBeside {
  type: "translated_beside";
  request: number;
  network: string;
  title: string;
  translation: string;
  exact: boolean;
  read: string[];
  written: string[];
  scores: Number[];
  count: number;
  parameters: number;
  arrays: Array[];
}
/**
 * A phrase and its translation as encoder and decoder see them. With it come the lengths of the streams, (L + 1, S)
 *     and (L + 1, T), how sure the logit lens is, (L + 1, T), and the attention weights of the encoder (L, H, S, S), of
 *     the decoder (L, H, T, T) and from one to the other (L, H, T, S).
 */
export interface PairRead {
  type: "pair_read";
  request: number;
  source: string;
  base: string;
  layers: number;
  heads: number;
  size: number;
  width: number;
  vocabulary: number;
  read: Piece[];
  written: Piece[];
  position: number;
  followed: Word;
  probability: Number;
  before: Number | null;
  lens: string[][];
  lens_ids: number[][];
  ranks: Number[];
  adds: PairAdds[];
  embedding: Number;
  bias: Number;
  patched: Number | null;
  heads_sum: Number;
  cross_sum: Number;
  mlps_sum: Number;
  total: Number;
  error: number;
  head: number[];
  gift: Number;
  weight: Number;
  choices: PairChoice[];
  longest: Number;
  seconds: number;
  arrays: Array[];
}
/**
 * What a block of the decoder adds to the followed logit.
 */
export interface PairAdds {
  heads: Number;
  cross: Number;
  mlp: Number;
}
/**
 * One row of the table of next tokens.
 */
export interface PairChoice {
  word: Word;
  logit: Number;
  share: Number;
  logprob: Number;
}
/**
 * A head's arithmetic at a position. With it come query, key and their products, (D) each.
 */
export interface PairHeadRead {
  type: "pair_head_read";
  request: number;
  part: "cross" | "decoder" | "encoder";
  layer: number;
  head: number;
  row: number;
  column: number;
  listed: number[];
  weights: Number[];
  dots: Number[];
  scaled: Number[];
  gives: Number[];
  rest: Number | null;
  off: Number;
  now: Number;
  arrays: Array[];
}
/**
 * Backward from a logit. With it come the lengths of the slope at each stream and token of the encoder, (L + 1, S),
 *     and of the decoder, (L + 1, T).
 */
export interface PairSlopes {
  type: "pair_slopes";
  request: number;
  source: string;
  read: Number[];
  written: Number[];
  weights: WeightSlope[];
  arrays: Array[];
}
/**
 * The length of the slope at all weights of one part of a block.
 */
export interface WeightSlope {
  side: "decoder" | "encoder";
  layer: number;
  part: "mlp" | "multihead_attn" | "self_attn";
  slope: Number;
}
/**
 * A picture as a Vision Transformer read it.
 *
 *     With it come, of T tokens of which the first is the class token and N = T - 1 are patches: the picture as it was cut
 *     (rows, columns, colours), uint8; the token's attention in each head (L, H, T); attention rollout (L, T); each
 *     token's probability of the followed class by the logit lens (L + 1, T); the cosine of each patch's position vector
 *     with the token's (N); the patch filters (F, C, P, P), of many those of the largest norm; and their numbers (F).
 *
 *     Where no class is named, "followed" is a pixel: how much it strikes, from 0 to 1, and as a logit. The logit lens is
 *     then what the decoder would make of each stream: of a patch the mean of its pixels, of the class token the mean of
 *     all patches. Last comes how much each pixel strikes (rows, columns).
 */
export interface PatchesRead {
  type: "patches_read";
  request: number;
  source: string;
  base: string;
  network: string;
  title: string;
  untrained: boolean;
  input: string;
  name: string;
  label: string;
  layers: number;
  heads: number;
  size: number;
  width: number;
  patch: number;
  grid: number[];
  token: number;
  classes: ClassShare[];
  count: number;
  followed: ClassShare;
  before: Number | null;
  others: OtherAnswer[];
  sum: ClassSum | null;
  map: number[];
  striking: Number | null;
  head: number[];
  decided: number;
  seconds: number;
  arrays: Array[];
}
/**
 * What a network says of a class.
 */
export interface ClassShare {
  index: number;
  label: string;
  logit: Number;
  probability: Number;
}
/**
 * What another network says of the same picture.
 */
export interface OtherAnswer {
  network: string;
  title: string;
  page: string;
  best: ClassShare;
  followed: ClassShare;
}
/**
 * The followed logit as a sum.
 */
export interface ClassSum {
  adds: BlockAdds[];
  embedding: Number;
  bias: Number;
  heads_sum: Number;
  mlps_sum: Number;
  total: Number;
  error: number;
}
/**
 * What a block adds to the followed logit.
 */
export interface BlockAdds {
  heads: Number;
  mlp: Number;
}
/**
 * A head's arithmetic for a token. With it come query, key and their products, (D) each, and what it gives to the
 *     followed logit from each token (T), where it is the class token's.
 */
export interface PatchHeadRead {
  type: "patch_head_read";
  request: number;
  layer: number;
  head: number;
  token: number;
  column: number;
  listed: number[];
  weights: Number[];
  dots: Number[];
  scaled: Number[];
  gives: Number[];
  rest: Number | null;
  now: Number;
  off: Number;
  arrays: Array[];
}
/**
 * Backward from a logit. With it come the slope at each pixel (C, rows, columns), and its length at each token of
 *     each stream, (L + 1, T).
 */
export interface PatchSlopes {
  type: "patch_slopes";
  request: number;
  source: string;
  patches: Number[];
  arrays: Array[];
}
/**
 * A picture as a U-Net read it. With it come the picture (H, W, 3), uint8; each network's probabilities (K, H, W);
 *     the truth (H, W), uint8, and -ln p of the truth at each pixel (H, W), where there is one; then the maps of each
 *     stage, and their slopes where those were asked for.
 */
export interface MaskRead {
  type: "mask_read";
  request: number;
  network: string;
  title: string;
  untrained: boolean;
  input: string;
  name: string;
  truth: "" | "known" | "own";
  side: number;
  classes: string[];
  kind: number;
  place: number[];
  followed: Number;
  probability: Number;
  depth: number;
  shut: number[];
  stages: MapStage[];
  told: ToldBy[];
  before: Number | null;
  thresholds: number[];
  seconds: number;
  arrays: Array[];
}
/**
 * Maps that are drawn of one operation; `arrays` holds them in the order of the stages, (channels, H, W) each.
 */
export interface MapStage {
  path: string;
  side: "down" | "input" | "lowest" | "out" | "up";
  part: "across" | "first" | "grown" | "logits" | "picture" | "probabilities" | "second";
  level: number;
  channels: number[];
  of: number;
  size: number[];
  reach: Number;
}
/**
 * What a network says of the picture.
 */
export interface ToldBy {
  network: string;
  title: string;
  source: string;
  trace: string;
  skips: boolean;
  parameters: number;
  scored: Scored | null;
  count: Number;
  held_out: Number | null;
}
/**
 * What is known when there is a truth.
 */
export interface Scored {
  classes: MaskScore[];
  iou: Number;
  accuracy: Number;
  cross_entropy: Number;
  dice_loss: Number;
  loss: Number;
  over_threshold: Number[];
}
/**
 * How well one class is told, by counts of pixels.
 */
export interface MaskScore {
  both: Number;
  told: Number;
  true: Number;
  iou: Number | null;
  dice: Number | null;
  nats: Number;
  overlap: Number;
  mass: Number;
  soft_dice: Number;
}
/**
 * With it comes the followed class's probability after each step, (steps, H, W).
 */
export interface MaskGrown {
  type: "mask_grown";
  request: number;
  source: string;
  steps: GrownStep[];
  arrays: Array[];
}
/**
 * With so many skip connections let through, the lowest first.
 */
export interface GrownStep {
  open: number;
  trace: string;
  reach: Number;
  count: Number;
  iou: Number | null;
}
/**
 * The networks, those that ship first.
 */
export interface Seeing {
  type: "seeing";
  request: number;
  networks: SeeingNetwork[];
}
/**
 * A convolutional network that the page shows.
 */
export interface SeeingNetwork {
  name: string;
  title: string;
  classes: number;
  about: string;
  folded: boolean;
  here: boolean;
  keeper: string;
  bytes: number;
  fetched: number;
  failed: string;
  todo: string;
}
/**
 * What is said. With it comes the picture as the network saw it, uint8 (rows, columns, colours).
 */
export interface WhyRead {
  type: "why_read";
  request: number;
  source: string;
  trace: string;
  network: string;
  title: string;
  input: string;
  name: string;
  label: string;
  given: boolean;
  classes: ClassShare[];
  count: number;
  followed: ClassShare;
  layers: LayerChoice[];
  baseline: "black" | "grey" | "white";
  seconds: number;
  arrays: Array[];
}
/**
 * A layer whose maps can be asked about.
 */
export interface LayerChoice {
  path: string;
  label: string;
  channels: number;
  rows: number;
  columns: number;
  called: boolean;
}
/**
 * Grad-CAM. With it comes what is shown, (rows, columns).
 */
export interface CamRead {
  type: "cam_read";
  request: number;
  layer: LayerChoice;
  place: number[];
  value: Number;
  total: Number;
  terms: CamTerm[];
  rest: Number;
  arrays: Array[];
}
/**
 * One channel at one place: its mean slope times its activation.
 */
export interface CamTerm {
  channel: number;
  weight: Number;
  activation: Number;
  product: Number;
}
/**
 * Integrated gradients. With it comes what each pixel gives, its colours together, (rows, columns).
 */
export interface IntegratedRead {
  type: "integrated_read";
  request: number;
  baseline: "black" | "grey" | "white";
  segments: number;
  last: boolean;
  score: Number;
  base: Number;
  difference: Number;
  total: Number;
  gap: number;
  place: number[];
  apart: Number;
  slope: Number;
  value: Number;
  arrays: Array[];
}
/**
 * Occlusion. With it comes what the score loses with each square covered, (rows, columns).
 */
export interface OccludedRead {
  type: "occluded_read";
  request: number;
  cell: number;
  square: number;
  last: boolean;
  place: number[];
  score: Number;
  covered: Number;
  lost: Number;
  rises: number;
  arrays: Array[];
}
/**
 * Those that excite most, of what was looked at so far. With it come the pictures, uint8 (count, rows, columns,
 *     colours).
 */
export interface Exciting {
  type: "exciting";
  request: number;
  network: string;
  title: string;
  layer: LayerChoice;
  layers: LayerChoice[];
  channel: number;
  classes: string[];
  seen: number;
  of: number;
  pictures: ExcitingPicture[];
  silent: number;
  arrays: Array[];
}
/**
 * A picture that excites a channel.
 */
export interface ExcitingPicture {
  id: string;
  name: string;
  label: string;
  value: Number;
  place: number[];
}
/**
 * A step of the ascent. With it comes the picture, uint8 (rows, columns, colours), and the values so far.
 */
export interface Climbed {
  type: "climbed";
  request: number;
  layer: string;
  channel: number;
  label: string;
  step: number;
  steps: number;
  first: Number | null;
  value: Number | null;
  probability: Number | null;
  input: string;
  arrays: Array[];
}
/**
 * How far back gradients reach: of -ln p(the next character) to the vector of each one read.
 */
export interface Forgetting {
  type: "forgetting";
  request: number;
  source: string;
  text: string;
  left_out: number;
  rnn: Reach;
  lstm: Reach;
  radius: Number;
  trained_radius: Number;
  norm: Number;
  distances: number;
  at: number;
  ratio: Number;
  outputs: number;
  arrays: Array[];
}
/**
 * One network's. Its arrays: gradient (steps, steps) and, by distance, lowest tenth, median and highest tenth.
 */
export interface Reach {
  name: string;
  title: string;
  kind: string;
  parameters: number;
  score: Number;
  chances: Number[];
}
/**
 * Every text-to-image model that is here; the samplers, and pictures of ours to begin from.
 *
 *     `arrays`: these, bytes.
 */
export interface TextToImageModels {
  type: "text_to_image_models";
  request: number;
  models: TextToImageModel[];
  samplers: string[];
  samples: string[];
  arrays: Array[];
}
/**
 * A text-to-image model.
 */
export interface TextToImageModel {
  name: string;
  title: string;
  bytes: number;
}
/**
 * A run begins. `arrays`: `text` and `unsaid`, and of a run from a picture `start`, bytes.
 */
export interface Imagined {
  type: "imagined";
  request: number;
  source: string;
  model: string;
  title: string;
  parameters: number;
  tokens: PromptToken[];
  other: PromptToken[];
  cut: number;
  first: number;
  moments: MomentOf[];
  prediction: string;
  draws: number[];
  times: number;
  latent: number[];
  side: number;
  compares: boolean;
  arrays: Array[];
}
/**
 * A token of a prompt as the text encoder reads it.
 */
export interface PromptToken {
  text: string;
  id: number;
  kind: "end" | "padding" | "start" | "word";
}
/**
 * A time of a run, with its share of picture and of noise.
 */
export interface MomentOf {
  time: Number;
  alpha: Number;
  sigma: Number;
}
/**
 * A step: its tensors, and what the sampler adds up. `picture` is there where it was asked for.
 */
export interface ImagineStep {
  type: "imagine_step";
  request: number;
  index: number;
  takes: Taken[];
  seconds: number;
  arrays: Array[];
}
/**
 * How much of an operand a sampler's step takes.
 */
export interface Taken {
  operand: string;
  times: Number;
}
/**
 * The last picture, and how like it those before are: the correlation of their pixels, of drawn steps.
 */
export interface ImagineEnded {
  type: "imagine_ended";
  request: number;
  likeness: Number[];
  steps: number[];
  seconds: number;
  arrays: Array[];
}
/**
 * A picture alone.
 */
export interface PictureMade {
  type: "picture_made";
  request: number;
  source: string;
  seconds: number;
  arrays: Array[];
}
/**
 * The denoiser at a step. `arrays`: its layers', `attention` of the chosen layer, and the step's `picture`.
 */
export interface MomentOpened {
  type: "moment_opened";
  request: number;
  step: number;
  half: "with" | "without";
  run: string;
  network: string;
  layers: LayerShown[];
  looking: Looking[];
  layer: number;
  head: number;
  error: number;
  seconds: number;
  arrays: Array[];
}
/**
 * A layer of a network, shown by the channel that varies most.
 */
export interface LayerShown {
  path: string;
  kind: "attn" | "down" | "in" | "norm" | "out" | "res" | "up";
  part: "down" | "mid" | "up";
  channel: number;
  channels: number;
  rows: number;
  columns: number;
  array: number;
}
/**
 * A layer that looks at words: the share of each token there, all of which add up to one.
 */
export interface Looking {
  path: string;
  rows: number;
  columns: number;
  heads: number;
  shares: Number[];
}
/**
 * The decoder at a step. `arrays`: its layers'.
 */
export interface DecoderOpened {
  type: "decoder_opened";
  request: number;
  step: number;
  run: string;
  network: string;
  layers: LayerShown[];
  arrays: Array[];
}
/**
 * The nearest captions and pictures; the farthest caption last. `arrays`: the pictures, bytes.
 */
export interface Near {
  type: "near";
  request: number;
  captions: NearOf[];
  count: number;
  pictures: NearOf[];
  shown: number;
  other: Number | null;
  arrays: Array[];
}
/**
 * A caption, or the caption of a picture, and the cosine of its angle with the prompt.
 */
export interface NearOf {
  text: string;
  cosine: Number;
}
/**
 * Two runs on one plane. `arrays`: `point`, [run, step, axis]; the last step is the end of the run.
 */
export interface PathsCompared {
  type: "paths_compared";
  request: number;
  source: string;
  explained: Number[];
  apart: Number[];
  arrays: Array[];
}
/**
 * What a model's card says of it; all is empty, or 0, without a card.
 *
 *     `prompts`: each joins a colour and a thing as no picture of its training did.
 */
export interface PromptScores {
  type: "prompt_scores";
  request: number;
  title: string;
  by_guidance: AtGuidance[];
  scores: Scored1[];
  prompts: string[];
  trained_on: number;
  steps: number;
}
/**
 * How many pictures made with a guidance are of their prompt's category, by the judge.
 */
export interface AtGuidance {
  guidance: number;
  right: Number;
}
/**
 * A score by its name on the card.
 */
export interface Scored1 {
  name: string;
  value: Number;
}
/**
 * A picture noised, and a step of training on it.
 *
 *     `arrays`: `picture`, `drawn/T` (the noised latents of some times, decoded), bytes; `clean`, `noise`, `noised`,
 *     `said`, `target` and `slope` (of the loss with regard to what was said), [channel, row, column].
 */
export interface Noising {
  type: "noising";
  request: number;
  source: string;
  prompt: string;
  prediction: string;
  time: number;
  times: number[];
  alpha: Number;
  sigma: Number;
  loss: Number;
  after: Number;
  rate: number;
  slopes: Sized[];
  count: number;
  arrays: Array[];
}
/**
 * A part of a network, and how large its slopes are: the root of the sum of their squares.
 */
export interface Sized {
  path: string;
  norm: Number;
}
/**
 * The map of one run, without its tensors.
 */
export interface Scene {
  type: "scene";
  request: number;
  source: string;
  network: NetworkCard;
  input: InputCard;
  stages: Stage[];
  columns: Column[];
  classes: ClassScore[];
  chosen: number;
  last: string;
  pushes: Push[];
  macs: number;
}
/**
 * A network as the gallery and the menus name it.
 */
export interface NetworkCard {
  name: string;
  title: string;
  page: string;
  parameters: number;
  classes: string[];
  channels: number;
  size: number[];
  data: string;
  licence: string;
  scores: Score[];
  steps: number;
  trained_on: number;
  draws: boolean;
  light_on_dark: boolean;
  reads_text?: boolean;
  weights?: string;
  recurrent?: string;
  saved?: boolean;
}
/**
 * One measured figure of a network's card.
 */
export interface Score {
  name: string;
  value: number;
  data: string;
  count: number;
}
/**
 * The picture that was given, and what was done to it.
 */
export interface InputCard {
  id: string;
  name: string;
  label: string | null;
  size: number[];
  crop: number[];
  steps: Step1[];
  channels: string[];
  picture: boolean;
}
/**
 * One thing that was done to a picture before the network saw it, in words and numbers.
 */
export interface Step1 {
  name: string;
  numbers: {
    [k: string]: number | string;
  };
}
/**
 * Columns under one bracket.
 */
export interface Stage {
  path: string;
  label: string;
}
/**
 * One tensor on the map.
 */
export interface Column {
  path: string;
  name: string;
  label: string;
  operation: string;
  module: string;
  stage: number;
  axes: string[];
  shape: number[];
  mixes: boolean;
  inputs: string[];
  scale: number;
  parameters: string[];
  low: Number;
  high: Number;
  source: Source;
}
/**
 * The line of code that made something, with its neighbours.
 */
export interface Source {
  file: string;
  line: number;
  function: string;
  lines: CodeLine[];
}
/**
 * One line of a file.
 */
export interface CodeLine {
  number: number;
  text: string;
}
/**
 * What the network says of one class.
 */
export interface ClassScore {
  label: string;
  logit: Number;
  probability: Number;
}
/**
 * What one channel gives to the score.
 */
export interface Push {
  channel: number;
  share: Number;
}
/**
 * Any network as columns. Their numbers follow as maps: `@value` and `@grad` at the drawn places of the drawn
 *     channels, and `@share`, the weight of every channel (or, without channels, of every row).
 */
export interface Graph {
  type: "graph";
  request: number;
  source: string;
  network: NetworkCard;
  input: InputCard | null;
  given: string;
  level: string;
  stages: GraphStage[];
  columns: GraphColumn[];
  answers: TopScore[];
  outputs: number;
  detections: Detections | null;
  followed: Number | null;
  before: Number | null;
  backward: boolean;
  pending: boolean;
  notes: Note[];
  failure: Trouble | null;
  edits: Edit[];
  base: string;
  tokens: string[];
  paths: string[];
  macs: number;
  seconds: number;
}
/**
 * Columns under one bracket, which folds them.
 */
export interface GraphStage {
  path: string;
  label: string;
}
/**
 * What stands in one column of a graph: an operation, or a folded part of the network.
 */
export interface GraphColumn {
  key: string;
  path: string;
  name: string;
  kind: string;
  operations: number;
  begins: number;
  ends: number;
  alike: number;
  opens: boolean;
  stage: number;
  shape: number[];
  dtype: string;
  axes: Axes | null;
  channels: number[];
  before: number[];
  skips: boolean;
  parameters: string[];
  learned: number;
  macs: number;
  bytes: number;
  seconds: number;
  rebuilt: boolean;
  low: Number | null;
  high: Number | null;
  steepest: Number | null;
  changed: Number | null;
  turned: Number | null;
  edited: string;
  finite: boolean;
  source: Source;
}
/**
 * Which axes of a tensor are drawn. -1 is the channels', -2 the rows', -3 the columns'; else one place of it.
 */
export interface Axes {
  places: number[];
  channels: number;
  rows: number;
  columns: number;
  row_step: number;
  column_step: number;
}
/**
 * One of the largest numbers of a row that a network answers with.
 */
export interface TopScore {
  label: string;
  score: Number;
  probability: Number | null;
  before: Number | null;
  token: number | null;
}
/**
 * What a detector found in a picture of so many pixels.
 */
export interface Detections {
  width: number;
  height: number;
  count: number;
  lowest: number | null;
  found: Detected[];
}
/**
 * One thing that a detector found.
 */
export interface Detected {
  label: string;
  score: Number;
  box: Number[];
}
/**
 * Something that a reader must know of a run beside its numbers.
 */
export interface Note {
  kind: "edit_did_not_run" | "fast_path" | "hidden" | "infinite" | "nan" | "not_kept";
  name: string;
  at?: string;
  count?: number;
  size?: number;
}
/**
 * Where a run ended early: what, where, why, and what to do.
 */
export interface Trouble {
  what: string;
  where: string;
  why: string;
  todo: string;
  module: string;
}
/**
 * The race; each figure can be asked for as `race:LAYER/NAME#FIELD@value`.
 */
export interface Race {
  type: "race";
  request: number;
  machine: Machine | null;
  claimed: Claimed[];
  published: Published[];
  costs: Cost[];
  racers: Racer[];
  baselines: Baseline[];
  verdicts: Verdict[];
  wanted: number;
}
/**
 * Where the costs were measured: other work was done on it besides, so that its times are upper bounds.
 */
export interface Machine {
  processor: string;
  cores: number;
  torch: string;
  measured: string;
}
/**
 * One row of the lecture's table; see `race.Claim`.
 */
export interface Claimed {
  name: string;
  year: number;
  idea: string;
  top5: number;
  parameters: number;
  operations: number;
  parameters_from: Match;
  operations_from: Match;
}
/**
 * The variant that comes closest to a claimed figure, by counting.
 */
export interface Match {
  variant: string;
  as: string;
  value: number;
  off: number;
  verdict: "equal" | "near" | "none";
}
/**
 * One of torchvision's weight cards.
 */
export interface Published {
  name: string;
  weights: string;
  top1: number;
  top5: number;
  parameters: number;
  gmacs: number;
}
/**
 * What one reference network costs, with random weights.
 */
export interface Cost {
  name: string;
  parameters: number;
  linear_parameters: number;
  macs: number;
  flops: number;
  milliseconds: number;
  training_milliseconds: number;
  batch: number;
  batch_milliseconds: number;
  peak_bytes: number | null;
  training_peak_bytes: number | null;
  kept_bytes: number;
  threads: number;
  layers: Slab[];
}
/**
 * One layer of a network; see `layers.Layer`.
 */
export interface Slab {
  path: string;
  kind: string;
  kernel: number;
  channels: number;
  side: number;
  macs: number;
  parameters: number;
}
/**
 * A slim network, run from several seeds under one budget.
 */
export interface Racer {
  name: string;
  title: string;
  parameters: number;
  macs: number;
  batch: number;
  planned_steps: number;
  runs: Run[];
  step_milliseconds?: number | null;
}
/**
 * One run of a slim network: its course on the 5,000 held-out pictures, and how it did on the test set.
 */
export interface Run {
  seed: number;
  steps: number;
  seconds: number;
  accuracy: number | null;
  at_steps: number[];
  at_seconds: number[];
  held_out: number[];
  loss_steps: number[];
  loss: number[];
}
/**
 * What learned before deep networks did; made by scripts/baselines.py.
 */
export interface Baseline {
  name: string;
  title: string;
  accuracy: number;
  tested_on: number;
  parameters: number;
  macs: number;
  seconds: number;
  setting: string;
  library: string;
}
/**
 * A sentence and what becomes of it.
 *
 *     Attributes:
 *         key: short.
 *         sentence: in our words.
 *         judgement: holds where all of its parts do, does not hold where none does.
 *         reason: which of them hold and which don't, with the deciding figures.
 *         parts: in the order in which it says them.
 */
export interface Verdict {
  key: string;
  sentence: string;
  judgement: "does not hold" | "holds" | "holds in part";
  reason: string;
  parts: Part[];
}
/**
 * One thing that a sentence says.
 *
 *     Attributes:
 *         key: short, unique in its sentence.
 *         what: is compared, in words.
 *         unit: "points" (of percent), or "times".
 *         said: what the sentence makes of it.
 *         claimed, published, measured: the figure by each; None where it has none.
 *         holds: whether the sentence is right in this; None where the figure that decides is not in the record.
 */
export interface Part {
  key: string;
  what: string;
  unit: "points" | "times";
  said: string;
  claimed: number | null;
  published: number | null;
  measured: number | null;
  holds: boolean | null;
}
/**
 * Tensors of a trace: values, gradients, weights, or what edges give (`@edge`: out channel, in channel).
 */
export interface Maps {
  type: "maps";
  request: number;
  arrays: Array[];
}
/**
 * A file to keep: its bytes are the one array.
 */
export interface File {
  type: "file";
  request: number;
  name: string;
  arrays: Array[];
}
/**
 * The picture that a number is in, (rows, columns) in `arrays`, every step-th of each; None: it has none.
 */
export interface Plane {
  type: "plane";
  request: number;
  axes: Axes | null;
  channel: number;
  at: number[];
  reach: number;
  arrays: Array[];
}
/**
 * Where one number comes from. For a convolution, `arrays` holds its window, kernel, product and part tensors.
 */
export interface Explained {
  type: "explained";
  request: number;
  ref: string;
  path: string;
  index: number[];
  what: "grad" | "value";
  kind: string;
  value: number;
  formula: string;
  note: string;
  reduce: string;
  count: number;
  terms: Term[];
  remainder: Number;
  error: number;
  trail: Stop[];
  arrays: Array[];
  window: Window | null;
  source: Source | null;
}
/**
 * One term of an explanation.
 */
export interface Term {
  position: number;
  name: string;
  ref: string | null;
  value: number;
  factor: number | null;
  factor_ref: string | null;
  product: number;
  product_ref: string;
}
/**
 * One stop of the trail from the score to the input.
 */
export interface Stop {
  path: string;
  label: string;
  index: number[];
  number: Number;
  shut: boolean;
}
/**
 * What an operation reads of its input's rows and columns; may hang over the edge, where the input is padded.
 */
export interface Window {
  top: number;
  left: number;
  rows: number;
  columns: number;
  row_step: number;
  column_step: number;
  channel: number;
  read_rows: number[];
  read_columns: number[];
  transposed: number;
}
/**
 * Every network that is here.
 */
export interface Networks {
  type: "networks";
  request: number;
  networks: NetworkCard[];
}
/**
 * The sample pictures of a network, their pixels (count, height, width, colour) in `arrays`.
 */
export interface Samples {
  type: "samples";
  request: number;
  samples: Sample[];
  arrays: Array[];
}
/**
 * One picture that comes with a network.
 */
export interface Sample {
  id: string;
  name: string;
  label: string;
}
/**
 * Every run, the newest first, and every recipe.
 */
export interface RunList {
  type: "run_list";
  request: number;
  folder: string;
  runs: RunCard[];
  recipes: RecipeCard[];
}
/**
 * A run as lists name it.
 */
export interface RunCard {
  name: string;
  title: string;
  recipe: string;
  state: "died" | "failed" | "finished" | "paused" | "running" | "starting" | "stopped";
  step: number;
  steps: number;
}
/**
 * Something that can be trained.
 */
export interface RecipeCard {
  name: string;
  title: string;
  about: string;
  data: string;
  ready: boolean;
  reads: "" | "text";
  settings: Setting[];
}
/**
 * One setting of a recipe.
 */
export interface Setting {
  name: string;
  value: number | boolean | string;
}
/**
 * How a run stands, and how it has gone.
 *
 *     `arrays`: for each group of series that were recorded at the same steps `steps` (2, P), the first and the last step
 *     of each part, then `mean`, `low`, `high` and `count`, each (S, P).
 */
export interface Course {
  type: "course";
  request: number;
  stamp: string;
  run: RunCard;
  why: string;
  pid: string;
  settings: Setting[];
  named: {
    [k: string]: string;
  };
  groups: string[][];
  unchanged: boolean;
  happened: Happening[];
  saved: number[];
  skipped: number;
  scores: FinalScore[];
  seconds: number;
  network: string;
  command: string;
  log: string[];
  arrays: Array[];
}
/**
 * Something that happened to a run: paused, resumed, another rate, a warning.
 */
export interface Happening {
  step: number;
  event: string;
  text: string;
  value: number | null;
}
/**
 * One score on held-out examples, of a finished run's card.
 */
export interface FinalScore {
  name: string;
  number: Number;
}
/**
 * An order was given, or a run begun.
 */
export interface Steered {
  type: "steered";
  request: number;
  run: string;
}
/**
 * One step of training, taken again. `arrays`: `examples` (n, H, W, C) as bytes where the inputs are pictures, then
 *     the first weights that are kernels, and their gradient and change.
 */
export interface SlowMotion {
  type: "slow_motion";
  request: number;
  run: string;
  step: number;
  batch: number;
  examples: Example[];
  loss: Number;
  after: Number;
  layers: LayerGradient[];
  update: UpdateOf;
  parameter: string;
  map: string;
  recorded: number | null;
  arrays: Array[];
}
/**
 * One example of a step's batch.
 */
export interface Example {
  name: string;
  label: string;
  probability: Number;
  loss: Number;
}
/**
 * One layer's gradient in one step.
 */
export interface LayerGradient {
  path: string;
  label: string;
  size: Number;
}
/**
 * One weight's step.
 */
export interface UpdateOf {
  parameter: string;
  index: number[];
  before: Number;
  gradient: Number;
  after: Number;
  lines: Line[];
  error: number;
  optimiser: string;
  source: string;
  refusal: string;
}
/**
 * One line of an optimiser's rule, as a formula and in numbers.
 */
export interface Line {
  formula: string;
  parts: LinePart[];
  result: LinePart;
}
/**
 * A part of a line of arithmetic: a number with its place, or what stands between numbers.
 */
export interface LinePart {
  text: string;
  number: Number | null;
  kind: string;
  name: string;
}
/**
 * Numbers over the saved steps, (S, N) in `arrays`.
 */
export interface Followed {
  type: "followed";
  request: number;
  run: string;
  steps: number[];
  names: string[];
  sources: string[];
  arrays: Array[];
}
/**
 * `arrays`: `input@value`; for each layer `wL` and `bL`, `@value` and `@grad`; `zL@value`, `zL@slope`, `zL@grad`;
 *     `aL@value`, `aL@grad`; of the last layer `aL@after`; and for each activation in use `curve/NAME@value`: z, f, f'.
 */
export interface LessonOf {
  type: "lesson";
  request: number;
  source: string;
  lesson: Lesson;
  title: string;
  layers: LayerOf[];
  card: string;
  input: string;
  name: string;
  picture: boolean;
  label: number;
  said: number;
  said_after: number;
  cost: Number;
  after: Number;
  mean: Number;
  accuracy: Number;
  accuracy_after: Number;
  unseen: number;
  norms: LayerNorm[];
  weight: WeightOf;
  activations: ActivationCard[];
  choices: string[];
  optimisers: string[];
  course: CourseOf;
  exploded: boolean;
  arrays: Array[];
}
/**
 * The size of the gradient of one layer's weights.
 */
export interface LayerNorm {
  size: Number;
  weights: number;
}
/**
 * The chain rule at one weight, and what a step makes of it.
 */
export interface WeightOf {
  layer: number;
  unit: number;
  source: number;
  weight: Number;
  value: Number;
  slope: Number;
  wish: Number;
  gradient: Number;
  mean: Number;
  above: Number;
  below: Number;
  moved: number;
  difference: Number;
  update: UpdateOf;
}
/**
 * What an activation is.
 */
export interface ActivationCard {
  name: string;
  formula: string;
  slope: string;
}
/**
 * The cost of each batch on the way, thinned.
 */
export interface CourseOf {
  steps: number[];
  costs: number[];
}
/**
 * `arrays`: `landscape@value`, the cost (R, R) over the plane; `path@value`, (P, 3): both coordinates of each kept
 *     step, and the cost there.
 */
export interface Landscape {
  type: "landscape";
  request: number;
  source: string;
  reach: number[];
  steps: number[];
  of: "batch" | "digit";
  examples: number;
  arrays: Array[];
}
/**
 * All lessons, in their order.
 */
export interface Lecture {
  type: "lecture";
  request: number;
  lessons: LessonCard[];
}
/**
 * A lesson as the table of contents has it.
 */
export interface LessonCard {
  name: string;
  title: string;
  goal: string;
  minutes: number;
  steps: number;
  kind: "lecture" | "own" | "tour";
  first: Place1;
}
/**
 * A state of a page, as its address has it.
 */
export interface Place1 {
  page: string;
  values: {
    [k: string]: string;
  };
}
/**
 * A lesson.
 */
export interface LectureLesson {
  type: "lecture_lesson";
  request: number;
  card: LessonCard;
  steps: LectureStep[];
  follows: LessonCard | null;
}
/**
 * One step of a lesson.
 */
export interface LectureStep {
  sentence: Span[];
  opens: Place1;
  stays: boolean;
  text: Span[][];
  attempt: Span[];
  done: Condition[];
  shows: Place1 | null;
  mark: string;
  hide: string;
  ask: Ask | null;
  command: string;
  links: Outside[];
  sources: string[];
}
/**
 * Some words of a text, and how they are set.
 */
export interface Span {
  words: string;
  kind?: "code" | "formula" | "outside" | "page" | "plain" | "strong";
  href?: string;
}
/**
 * One thing that holds once a step is done.
 */
export interface Condition {
  how: "begins" | "changes" | "click" | "has" | "is";
  name: string;
  value?: string;
}
/**
 * Something to predict.
 */
export interface Ask {
  words: Span[];
  choices: string[];
  answer: string;
  because: Span[];
}
/**
 * Where to read on.
 */
export interface Outside {
  words: string;
  href: string;
}
/**
 * What the networks say.
 */
export interface FoundAnswer {
  type: "found_answer";
  request: number;
  right: number;
  words: string;
  reads: "against" | "number" | "parts" | "sizes" | "sure";
  numbers: Number[];
}
/**
 * A question, and the page where one could look.
 */
export interface DrawnQuestion {
  type: "drawn_question";
  request: number;
  kind: string;
  values: {
    [k: string]: string;
  };
  choices: string[];
  answer: string;
  opens: Place1;
  arrays: Array[];
  rows: number[][];
  rows_of: string;
}
/**
 * `arrays`: for each layer `wL`, `bL` and `fL` (units, R, R), the first row at the top of the plane, `f0` the
 *     features; of the last layer `fL` is (1, Q, Q); and with them `points@value`, (N, 4): x, y, target, and whether it is
 *     tested on.
 */
export interface Played {
  type: "played";
  request: number;
  source: string;
  step: number;
  epoch: number;
  each: number;
  wanted: number;
  train: Number;
  test: Number | null;
  right: Number | null;
  right_trained: Number | null;
  classes: boolean;
  exploded: boolean;
  reach: number;
  optimisers: string[];
  activations: string[];
  arrays: Array[];
}
/**
 * They were taken in; `given:ID` names them.
 */
export interface PointsGiven {
  type: "points_given";
  request: number;
  id: string;
  classes: boolean;
}
/**
 * `arrays`: `points@real`, `@made` and `@push` (N, 2), `manifold` (M, M or 1, 2), `belief` (1, R, R); with `whole`
 *     the weights, and for each layer `g.fL` and `d.fL` (units, r, r), the first row at the top.
 */
export interface LabShown {
  type: "lab_shown";
  request: number;
  source: string;
  step: number;
  wanted: number;
  judged: Number;
  fooled: Number;
  course: number[][];
  looks: LookOf[];
  findings: FindingOf[];
  kept: number[];
  reach: number;
  noise_reach: number;
  centre: number[];
  scale: number;
  modes: number[][];
  certain: boolean;
  exploded: boolean;
  begun: Begun | null;
  seconds: number;
  arrays: Array[];
}
/**
 * What was seen after a step: JS in bits, and the losses.
 */
export interface LookOf {
  step: number;
  js: number;
}
/**
 * Something that is wrong, with its evidence.
 */
export interface FindingOf {
  name: string;
  since: number;
  numbers: {
    [k: string]: Number;
  };
}
/**
 * The trained network whose weights the players began with, from its card.
 */
export interface Begun {
  name: string;
  steps: number;
  js: Number;
  floor: Number;
}
/**
 * Measures of one step, 12,000 points a side; `error`: 95 of 100 measurements of the same generator with other
 *     points differ by less.
 */
export interface LabMeasured {
  type: "lab_measured";
  request: number;
  source: string;
  step: number;
  js: Number;
  js_error: Number;
  js_floor: Number;
  kl: Number;
  kl_error: Number;
  wasserstein: Number;
  wasserstein_floor: Number;
  precision: Number;
  recall: Number;
  outside: Number;
  loss: Number;
  best: Number | null;
  clusters: Cluster[];
  on_clusters: Number | null;
  count: number;
}
/**
 * One cluster's share of the made points.
 */
export interface Cluster {
  middle: number[];
  share: Number;
}
/**
 * One stage of a step.
 */
export interface LabSlowed {
  type: "lab_slowed";
  request: number;
  source: string;
  step: number;
  stage: number;
  numbers: {
    [k: string]: Number;
  };
  sums: Sum[];
  points: Number[];
}
/**
 * A number and what it is the sum of.
 */
export interface Sum {
  name: string;
  value: Number;
  products: Product[];
  rest?: Number | null;
  left_out?: number;
  extra?: Number | null;
}
/**
 * One term of a sum.
 */
export interface Product {
  name: string;
  left: Number;
  right: Number;
  value: Number;
}
/**
 * It was taken in; `given:ID` names it.
 */
export interface DensityGiven {
  type: "density_given";
  request: number;
  id: string;
}
/**
 * Pictures in the order that they were asked for in; `picture@value`, and `@slope` if asked, are in `arrays`.
 */
export interface DrawnPlaces {
  type: "drawn_places";
  request: number;
  source: string;
  numbers: number;
  best_of: number;
  places: DrawnPlace[];
  arrays: Array[];
}
/**
 * One picture, as both judges see it.
 */
export interface DrawnPlace {
  place: string;
  score: Number;
  label: string;
  judged: Number | null;
}
/**
 * Two histograms on the same bins.
 */
export interface Scores {
  type: "scores";
  request: number;
  source: string;
  edges: number[];
  count: number;
  real: Spread;
  made: Spread;
}
/**
 * The discriminator's numbers of one kind of pictures.
 */
export interface Spread {
  shares: Number[];
  mean: Number;
  right: Number;
}
/**
 * A picture, an operation, its output.
 *
 *     `arrays`: what the operation reads, with its padding where that is other than zeros, `SOURCE#pad@value`, or
 *     `SOURCE#input@value`; the weights, if it has any; the output; where samples were asked for, their pixels.
 */
export interface Workshop {
  type: "workshop";
  request: number;
  source: string;
  picture: string;
  name: string;
  channels: number;
  side: number;
  path: string;
  reads: string;
  planes: number[][];
  bias: number;
  out: number[];
  extent: number;
  left: number;
  macs: number;
  numbers: number;
  line: string;
  python: string;
  kernels: KernelChoice[];
  samples: WorkshopSample[];
  stack: StackLayer[];
  arrays: Array[];
}
/**
 * A kernel that can be chosen.
 */
export interface KernelChoice {
  name: string;
  title: string;
  channel: number;
  fits: boolean;
}
/**
 * A picture that ships.
 */
export interface WorkshopSample {
  id: string;
  name: string;
  label: string;
}
/**
 * A layer of the stack, and what its numbers see of the picture (Araujo et al. 2019).
 */
export interface StackLayer {
  word: string;
  kind: "average" | "conv" | "max";
  size: number;
  channels: number;
  stride: number;
  padding: number;
  dilation: number;
  side: number;
  left: number;
  field: number;
  jump: number;
  first: number;
  numbers: number;
  macs: number;
}
/**
 * How far something has come.
 */
export interface Working {
  type: "working";
  request: number;
  done: number;
  of: number;
}
/**
 * A set of pictures. `arrays`: `thumbnails` (n, S, S, 3) as bytes.
 */
export interface LookedAt {
  type: "looked_at";
  request: number;
  pictures: string;
  place: string;
  count: number;
  classes: TaughtClass[];
  sizes: string[];
  more_sizes: number;
  grey: boolean;
  problems: Unusable[];
  empty: string[];
  duplicates: string[][];
  leaks: string[][];
  across: string[][];
  parts: {
    [k: string]: number;
  };
  beginnings: Beginning[];
  suggested: string;
  refusal: string;
  settings: {
    [k: string]: number | boolean | string;
  };
  arrays: Array[];
}
/**
 * One class of a set.
 */
export interface TaughtClass {
  name: string;
  count: number;
  shown: number[];
}
/**
 * A file that is not used.
 */
export interface Unusable {
  path: string;
  why: string;
}
/**
 * A network to begin from.
 */
export interface Beginning {
  name: string;
  title: string;
  channels: number;
  size: number;
  parameters: number;
  todo: string;
  settings: {
    [k: string]: string;
  };
}
/**
 * A batch. `arrays`: `read` and `learned` (n, H, W, 3) as bytes.
 */
export interface Varied {
  type: "varied";
  request: number;
  names: string[];
  labels: string[];
  batch: number;
  arrays: Array[];
}
/**
 * What a run's network makes of its pictures. `arrays`: `thumbnails` (n, S, S, 3) as bytes, `answers` (n, K), the
 *     map's places (n, 2).
 */
export interface Taught {
  type: "taught";
  request: number;
  source: string;
  run: string;
  step: number;
  network: string;
  page: string;
  classes: string[];
  pictures: TaughtPicture[];
  of: number;
  accuracy: {
    [k: string]: Number;
  };
  counts: {
    [k: string]: number;
  };
  way: "pca" | "tsne";
  shares: Number[];
  features: number;
  missing: string;
  arrays: Array[];
}
/**
 * One picture of a run.
 */
export interface TaughtPicture {
  index: number;
  name: string;
  label: number;
  part: "test" | "train" | "validation";
}
/**
 * A file of a network, its bytes in `arrays`.
 */
export interface Exported {
  type: "exported";
  request: number;
  name: string;
  form: "onnx" | "python" | "safetensors";
  about: string;
  checked: number;
  error: number;
  command: string;
  arrays: Array[];
}
/**
 * What went wrong, where, why, and what to do.
 */
export interface Failure {
  type: "failure";
  request: number;
  what: string;
  where: string;
  why: string;
  todo: string;
}
/**
 * The last answer to a request.
 */
export interface Done {
  type: "done";
  request: number;
}
