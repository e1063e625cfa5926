// What a model's outputs say: one answer, or none.

/**
 * @param {Object<string, Float32Array>} outputs The model's outputs by name.
 * @param {{classes: string[], decision_thresholds: ?number[]}} settings
 * @returns {{abstains: boolean, answer: string, weighed: boolean,
 *     ranked: {name: string, probability: number}[]}}
 *     `answer` is the class with the largest probability / threshold, `weighed` tells whether
 *     another one is more probable; where the model abstains, it is not to be shown.
 */
export function decide(outputs, {classes, decision_thresholds: thresholds}) {
  const all = classes.map((name, i) => ({
    name,
    probability: outputs.diagnosis[i],
    score: outputs.diagnosis[i] / (thresholds?.[i] ?? 1),
  }));
  if (!all.every(({probability}) => Number.isFinite(probability))) {
    throw new Error('the model gave no numbers');
  }
  const ranked = [...all].sort((a, b) => b.probability - a.probability);
  const answer = all.reduce((best, entry) => (entry.score > best.score ? entry : best));
  return {
    abstains: outputs.abstain !== undefined && outputs.abstain[0] >= 0.5,
    answer: answer.name,
    weighed: answer.probability < ranked[0].probability,
    ranked: ranked.map(({name, probability}) => ({name, probability})),
  };
}
