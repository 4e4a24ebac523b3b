/** Who runs: the lecture's four with their colours, and the others that torchvision has cards for. */
import type { Cost, Published, Race } from "../../lib/messages";

export interface Runner {
  /** The reference network. */
  network: string;
  title: string;
  year: number;
  /** The lecture's row, where it has one. */
  claim: string | null;
  tone: string;
}

export const RUNNERS: Runner[] = [
  { network: "alexnet", title: "AlexNet", year: 2012, claim: "AlexNet", tone: "alexnet" },
  { network: "vgg16", title: "VGG-16", year: 2014, claim: "VGGNet", tone: "vgg" },
  { network: "googlenet", title: "GoogLeNet", year: 2014, claim: "Inception", tone: "inception" },
  { network: "resnet152", title: "ResNet-152", year: 2015, claim: "ResNet-152", tone: "resnet" },
  { network: "vgg11", title: "VGG-11", year: 2014, claim: null, tone: "other" },
  { network: "vgg19", title: "VGG-19", year: 2014, claim: null, tone: "other" },
  { network: "resnet18", title: "ResNet-18", year: 2015, claim: null, tone: "other" },
  { network: "resnet50", title: "ResNet-50", year: 2015, claim: null, tone: "other" },
];

/** The colour of a slim network. */
export const TONES: Record<string, string> = {
  "alexnet-slim": "alexnet",
  "vgg-slim": "vgg",
  "inception-slim": "inception",
  "resnet-slim": "resnet",
  "resnet-deep-slim": "deep",
  "plain-deep-slim": "plain",
};

/** The first weights that were published of a network: those of the plain recipe. */
export const cardOf = (race: Race, network: string): Published | undefined =>
  race.published.find((card) => card.name === network);
export const costOf = (race: Race, network: string): Cost | undefined =>
  race.costs.find((cost) => cost.name === network);
