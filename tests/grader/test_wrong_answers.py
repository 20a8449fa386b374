"""A typical wrong answer meets a sentence that names the mistake, and loses the points of its task alone."""

import ast
import contextlib
import functools
import io
import json
import os
import traceback
from pathlib import Path

import pytest

from dlbook.grader import release
from dlbook.grader.cells import kind_of, name_of, points_of
from dlbook.grader.marking import discreet

SOURCE = Path(__file__).parents[2] / "chapters" / "exercises" / "source"

# exercise, task: right, wrong, what the student reads, points that are lost
WRONG = {
    ("start", "equations"): [
        ("return -np.log(", "return np.log(", "the minus is missing", 3),
        ("theta - lr * gradient", "theta - gradient", "the learning rate is missing", 3),
        ("!= labels", "== labels", "this is the share that is right", 3),
    ],
    ("start", "own"): [
        ("int(np.ceil(my.points / my.batch))", "(my.points // my.batch)", "the smaller mini-batch", 3),
        ("np.log(my.classes)", "1 / my.classes", "this is the probability", 3),
    ],
    ("start", "train"): [
        ("net.backward(dy)", "pass", "the parameters never move", 4),
        ("optimizer.step(net.theta, net.grad)", "pass", "the parameters never move", 4),
        ("net.theta, net.grad", "net.theta, -net.grad", "this goes uphill", 4),
        ("append(value)", "append((value, dy))", "a loss is one number", 4),
    ],
    ("start", "curves"): [
        (
            '"rate too small", "overfitting", "rate too large"',
            '"rate too large", "overfitting", "rate too small"',
            "where guessing puts them",
            1,
        ),
    ],
    ("start", "pytorch"): [
        ("BEDA", "BDEA", "nothing moves", 2),
        ("BEDA", "ECBD", "the softmax is left out", 2),
        ("BEDA", "EBAD", "backward comes before step", 2),
        ("BEDA", "ABDE", "nothing moves", 2),
        ("BEDA", "EDAB", "a loss must be computed before its gradient", 2),
    ],
    ("regularization", "early"): [
        ("losses[look] < losses[best]", "losses[look] < losses[look - 1]", "no new best", 4),
        ("look - best >= patience", "look - best > patience", "this is one look late", 4),
        ("return look, best", "return look, look", "these are the last weights", 4),
        ("return len(losses) - 1, best", "return len(losses), best", "looks are counted from 0", 4),
        (
            "[early(losses, patience)[1] for losses in table]",
            "[int(np.argmin(losses)) for losses in table]",
            "after it was stopped",
            4,
        ),
        ("table[row][kept[row]]", "table[row][early(table[row], patience)[0]]", "not what they keep", 4),
        ("return row, kept[row]", "return row, early(table[row], patience)[0]", "where the run stopped", 4),
        ("losses[look] < losses[best]", "losses[look] <= losses[best]", "an equal loss is no new best", 4),
        ("losses[look] < losses[best]", "not losses[look] >= losses[best]", "nan is no new best", 4),
    ],
    ("adam", "what"): [
        (
            '"old state", "rate too large", "rate too small"',
            '"rate too small", "rate too large", "old state"',
            "it is the rate that is small",
            1.5,
        ),
        ('"as it should be", "no correction"', '"no correction", "as it should be"', "3.2 rates long", 3),
        ('"old state", "rate too large"', '"rate too large", "old state"', "throws the network off", 3),
    ],
    ("adam", "resumed"): [
        ("if saved else", "if False else", "this is a new Adam", 3),
        (
            "        t = t + 1",
            '        t = t + 1 - saved["step"] * (t == saved["step"])',
            "the correction begins anew",
            3,
        ),
        (
            "if g is None:",
            "g = 0 * gradients[0] if g is None else g\n        if g is None:",
            "such a parameter is skipped",
            3,
        ),
        ("        if g is None:", "        t = t + (g is None)\n        if g is None:", "is not counted", 3),
        ("        t = t + 1\n", "", "the number of the step does not grow", 3),
        (
            "**t) / (np.sqrt(v / (1 - beta2**t)",
            "**(t - 1)) / (np.sqrt(v / (1 - beta2 ** (t - 1))",
            "`step` + 1",
            3,
        ),
        ("steps.append(np.zeros(n))", "pass", "has its row, of zeros", 3),
        ("m = beta1 * m +", "m *= beta1\n        m = m +", "`saved` was changed", 3),
    ],
    ("batch_normalization", "what"): [
        ('"as it should be", "slow averages"', '"slow averages", "as it should be"', "the 0 and 1 that", 1),
        ('"slow averages", "training mode"', '"training mode", "slow averages"', "in which mode does", 2),
        (
            '"as it should be", "slow averages", "training mode", "batches of two"',
            '"batches of two", "slow averages", "training mode", "as it should be"',
            "itself stays high",
            1,
        ),
    ],
    ("batch_normalization", "after"): [
        (
            "np.mean([x.mean(axis=0) for x in batches], axis=0)",
            "np.concatenate(batches).mean(axis=0)",
            "count the same",
            3,
        ),
        (
            "np.mean([x.var(axis=0, ddof=1) for x in batches], axis=0)",
            "np.concatenate(batches).var(axis=0, ddof=1)",
            "about its own mean",
            3,
        ),
        (", ddof=1", "", "averages unbiased variances", 3),
        ("factor[:, None]", "factor", "this scales the inputs", 3),
        ("0 if bias is None else bias", "0", "the old bias is left out", 3),
    ],
    ("input_normalization", "what"): [
        ('"z-scores", "raw pixels"', '"raw pixels", "z-scores"', "make large logits", 1),
        ('"each by itself", "scaler lost"', '"scaler lost", "each by itself"', "exactly nine of ten", 1),
        (
            '"raw pixels", "each by itself"',
            '"each by itself", "raw pixels"',
            "which networks see the same",
            2,
        ),
    ],
    ("input_normalization", "torch"): [
        ("13, 2, 9, 8", "22, 2, 9, 8", "compute from the batch", 4),
        ("13, 2, 9, 8", "13, 2, 17, 8", "why does it hold the standard deviations", 4),
        ("13, 2, 9, 8", "13, 2, 9, 21", "what does the file not hold", 4),
        ("13, 2, 9, 8", "13, 13, 8, 9", "a constant is a buffer", 2),
    ],
    ("vanishing_gradients", "torch"): [
        ("9, 11, 5, 20", "17, 11, 5, 20", "what can it not reach", 4),
        ("9, 11, 5, 20", "9, 5, 5, 20", "at most a quarter", 4),
        ("9, 11, 5, 20", "9, 11, 15, 20", "why does it not hold these", 4),
        ("9, 11, 5, 20", "9, 11, 10, 18", "nn.ModuleList", 2),
    ],
    ("initialization", "stds"): [
        ("2 * (1 - p) / n_in", "2 / n_in", "what does it do to the mean square", 3),
        ("2 * (1 - p) / n_in", "2 / (1 - p) / n_in", "must be smaller, not larger", 3),
        ("2 / (n_in * parts)", "1 / (n_in * parts)", "half of its input's", 3),
        ("np.sqrt(2 / (n_in * parts))", "np.sqrt(2 / n_in) / parts", "come under the root", 3),
    ],
    ("initialization", "what"): [
        ('"last layer", "all layers"', '"all layers", "last layer"', "64 times as large", 1.5),
        ('"as it should be", "last layer"', '"last layer", "as it should be"', "begins at ln 10", 1.5),
        ('"too small", "one seed"]', '"as it should be", "too small"]', "is needed once", 3),
        ('"all layers", "too small"', '"too small", "all layers"', "this loss falls", 3),
    ],
    ("initialization", "restarted"): [
        ("np.prod(array.shape[1:])", "array.shape[0]", "this counts the outputs", 3),
        ("np.prod(array.shape[1:])", "array.shape[1]", "the kernel included", 3),
        ("np.zeros(new[last].shape)", "new[last]", "should get the same score", 3),
        ("new = {}", "new = state", "the arrays that were given were changed", 3),
    ],
    ("bias_variance", "what"): [
        ('"high bias", "high variance"', '"high variance", "high bias"', "far above the training error", 2),
        (
            '"high bias", "high variance", "only noise left"',
            '"only noise left", "high variance", "high bias"',
            "all three curves meet",
            1,
        ),
        (
            '"only noise left", "easy validation"',
            '"easy validation", "only noise left"',
            "no fair validation error",
            1,
        ),
    ],
    ("bias_variance", "torch"): [
        ("3, 1, 6, 16", "3, 4, 6, 16", "what is as old as the script", 4),
        ("3, 1, 6, 16", "3, 1, 6, 15", "and in which mode", 4),
        ("3, 1, 6, 16", "9, 1, 6, 16", "are all of one class", 1),
        ("3, 1, 6, 16", "3, 3, 4, 16", "belongs inside the loop over sizes", 2),
    ],
    ("splits", "what"): [
        (
            '"honest", "copies", "torn labels"',
            '"torn labels", "copies", "honest"',
            "has something to predict",
            2,
        ),
        ('"honest", "copies"', '"copies", "honest"', "far too low", 1),
        ('"torn labels", "chosen before"', '"chosen before", "torn labels"', "cross-validation says so", 1),
    ],
    ("splits", "torch"): [
        ("3, 2, 1, 11", "3, 4, 1, 11", "draws anew what must", 4),
        ("3, 2, 1, 11", "3, 2, 9, 11", "when it is read", 4),
        ("3, 2, 1, 11", "1, 1, 2, 11", "scans are divided, not patients", 3),
        ("3, 2, 1, 11", "3, 2, 1, 3", "chose the epoch", 1),
    ],
    ("regularization", "what"): [
        ('"L2", "L1, proximal"', '"L1, proximal", "L2"', "the table of this panel has no 0", 2),
        (
            '"L2", "L1, proximal", "L1, subgradient"',
            '"L1, subgradient", "L1, proximal", "L2"',
            "jump back and forth",
            1,
        ),
        (
            '"L1, proximal", "L1, subgradient", "q = 1/2"',
            '"q = 1/2", "L1, subgradient", "L1, proximal"',
            "from a weight that is still large",
            1,
        ),
    ],
    ("regularization", "pytorch"): [
        (
            "return lr / 2, 2 * strength2, lr * strength1",
            "return lr, strength2, lr * strength1",
            "twice as large",
            3,
        ),
        ("2 * strength2, lr", "strength2, lr", "the rate is another now", 3),
        ("lr * strength1", "strength1", "the rate times the strength", 3),
        ("2 * my.strength / my.m", "my.strength / my.m", "`nn.MSELoss` has no ½", 3),
        ("2 * my.strength / my.m", "my.m * my.strength", "the decay must be smaller", 3),
    ],
    ("hyperparameter_search", "what"): [
        (
            '"log scale", "linear scale", "range too low"',
            '"range too low", "linear scale", "log scale"',
            "not between 0.0001 and 0.01",
            2,
        ),
        ('"log scale", "linear scale"', '"linear scale", "log scale"', "nine of ten rates are above 1", 1),
        (
            '"log scale", "linear scale", "range too low", "few images"',
            '"few images", "linear scale", "range too low", "log scale"',
            "the winner is partly luck",
            1,
        ),
    ],
    ("hyperparameter_search", "torch"): [
        ("1, 2, 9, 11", "5, 2, 9, 11", "what is as old as the script", 4),
        ("1, 2, 9, 11", "1, 6, 9, 10", "a rate is a factor", 2),
        ("1, 2, 9, 11", "4, 2, 9, 11", "one network", 1),
    ],
    ("metrics", "equations"): [
        ("1.96**2 / (my.n + 1.96**2)", "3 / my.n", "this is the rule of three", 3),
        ("upper = 1.96**2", "upper = 9 * 1.96**2", "within a factor of two", 3),
    ],
    ("metrics", "what"): [
        ('"calibrated", "rare"', '"rare", "calibrated"', "in each group about that share leaves", 2),
        ('"rare", "too sure"', '"too sure", "rare"', "too low in every group", 1),
        ('"too sure", "too timid"', '"too timid", "too sure"', "too low where many leave", 1),
    ],
    ("metrics", "pytorch"): [
        (
            "np.sum(labels == 0) / np.sum(labels == 1)",
            "np.sum(labels == 1) / np.sum(labels == 0)",
            "turn the ratio around",
            3,
        ),
        (
            "np.mean(w * y * np.logaddexp(0, -z) + (1 - y) * np.logaddexp(0, z))",
            "np.sum(w * y * np.logaddexp(0, -z) + (1 - y) * np.logaddexp(0, z)) / np.sum(w * y + 1 - y)",
            "not by the sum of the weights",
            3,
        ),
        ("np.log(w) - z", "-z", "that the weighted loss has taught", 3),
        ("np.exp(-np.logaddexp(0, np.log(w) - z))", "1 / (1 + np.exp(-z)) / w", "multiplies the odds", 3),
    ],
    ("vanishing_gradients", "what"): [
        ('"vanishing", "exploding"', '"exploding", "vanishing"', "in each layer nearer to the input", 1),
        ('"healthy", "vanishing"', '"vanishing", "healthy"', "of about the same size", 1),
        ('"exploding", "dead"', '"dead", "exploding"', "how large are the norms then", 2),
    ],
    ("momentum", "what"): [
        ('"SGD", "small rate"', '"small rate", "SGD"', "hardly anything happens", 1),
        ('"best pair", "large beta"', '"large beta", "best pair"', "by the same factor a step", 1),
        ('"large beta", "large rate"', '"large rate", "large beta"', "grows with every step", 2),
        ("names[which] for", '"SGD" for', "each of the five names", 2),
    ],
    ("momentum", "pytorch"): [
        (
            '{"lr": lr * (1 - beta), "momentum": beta}',
            '{"lr": lr, "momentum": beta}',
            "its rate is another",
            3,
        ),
        (
            '{"lr": lr * (1 - beta), "momentum": beta}',
            '{"lr": lr, "momentum": beta, "dampening": beta}',
            "takes the whole gradient",
            3,
        ),
        (', "nesterov": True', "", "this looks ahead", 3),
        ("my.lr / (1 - my.beta) * (1 - 0.99)", "my.lr * (1 - my.beta) * 100", "lr must become smaller", 3),
        ("first_step = 1 - my.beta", "first_step = my.beta", "after thousands of steps, and after one", 3),
    ],
    ("weight_decay", "what"): [
        ('"L2", "left out"', '"left out", "L2"', "the two others decay alike", 1),
        ('"AdamW", "falling rate"', '"falling rate", "AdamW"', "which become flat", 1),
        ('"left out", "copied"', '"copied", "left out"', "after 1,000 steps nothing is gone", 2),
    ],
    ("weight_decay", "groups"): [
        ("share / lr", "share", "PyTorch multiplies weight_decay by the rate", 3),
        ("share / lr", "share * lr", "multiplies by the rate by itself", 3),
        ("len(shape) >= 2", "name.endswith('weight')", "exactly one group", 3),
        ("len(shape) >= 2", "len(shape) == 2", "exactly one group", 3),
        ("if len(shape)", "if name != 'norm.weight' and len(shape)", "exactly one group", 3),
        ('others, "weight_decay": 0.0', 'others, "weight_decay": 0.01', "PyTorch's default", 3),
    ],
    ("schedules", "what"): [
        ('"cosine", "WSD"', '"WSD", "cosine"', "until the decay begins", 1),
        ('"constant", "step decay"', '"step decay", "constant"', "jitters there until the end", 1),
        ('"WSD", "restarts"', '"restarts", "WSD"', "throws the loss up at once", 2),
    ],
    ("schedules", "pytorch"): [
        ("rise - 1", "rise", "LinearLR is at 1 only in step total_iters", 3),
        ("steps - rise,", "steps,", "comes on top of the budget", 3),
        ("steps - rise,", "epochs,", "not epochs", 3),
        ("1 / rise", "0", "PyTorch refuses a start_factor of 0", 3),
        ("again = (1 + ", "again = 0 * (1 + ", "does not stop at its lowest point", 3),
        ("* batches - 1", "* batches", "this is one step later", 3),
    ],
    ("gradient_descent", "what"): [
        ('"sorted", "large rate"', '"large rate", "sorted"', "the batch holds all images", 1),
        (
            '"small batches", "sorted", "large rate", "small rate"',
            '"small rate", "sorted", "large rate", "small batches"',
            "falls slowly, without hovering",
            1,
        ),
        (
            '"whole set", "small batches", "sorted", "large rate"',
            '"large rate", "small batches", "sorted", "whole set"',
            "the two losses are one",
            2,
        ),
    ],
    ("gradient_descent", "pytorch"): [
        ("size / sum(group)", "1.0", "added up and not averaged", 3),
        ("size / sum(group)", "1 / k", "there is nothing to average", 3),
        ("size / sum(group)", "1 / len(group)", "which is not right", 3),
        ("size / sum(group)", "size / sum(sizes)", "not over those of the epoch", 3),
        ("i == len(group) - 1", "i == k - 1", "goes into the next epoch's first step", 3),
        ("i == len(group) - 1", "i == 0", "not the first of k", 3),
        ("len(sizes) * size", "size", "divides by the number of machines once more", 3),
    ],
    ("second_order", "what"): [
        ('"Newton", "Newton elsewhere"', '"Newton elsewhere", "Newton"', "but the loss does not", 1),
        (
            '"gradient descent", "L-BFGS"',
            '"L-BFGS", "gradient descent"',
            "waits for the flattest direction",
            1,
        ),
        (
            '"Newton elsewhere", "new batches"',
            '"new batches", "Newton elsewhere"',
            "finds no lower point",
            2,
        ),
    ],
    ("bugs", "what"): [
        (
            '"right", "softmax twice", "added up", "copies"',
            '"copies", "softmax twice", "added up", "right"',
            "much below the test loss",
            1,
        ),
        ('"copies", "last batch"', '"last batch", "copies"', "jumps from epoch to epoch", 1),
        ('"softmax twice", "added up"', '"added up", "softmax twice"', "longer and longer", 2),
    ],
    ("bugs", "torch"): [
        ("2, 4, 8, 13, 16", "11, 4, 8, 13, 16", "what does the model return", 5),
        ("2, 4, 8, 13, 16", "2, 12, 8, 13, 16", "which parameters does the optimizer know", 5),
        ("2, 4, 8, 13, 16", "2, 4, 9, 13, 16", "where does that begin", 5),
        ("2, 4, 8, 13, 16", "2, 4, 8, 13, 17", "what is in it by then", 5),
        ("2, 4, 8, 13, 16", "1, 5, 8, 15, 16", "model.eval() belongs before the validation", 3),
    ],
    ("second_order", "torch"): [
        ("5, 2, 5, 2", "5, 2, 10, 2", "every call needs an empty gradient", 4),
        ("5, 2, 5, 2", "6, 2, 5, 2", "which batch is that in the next call", 4),
        ("5, 2, 5, 2", "5, 2, 5, 11", "searches along the step only if it is asked to", 1),
        ("5, 2, 5, 2", "7, 7, 5, 2", "draw the batch outside of closure", 2),
    ],
    ("recurrent", "equations"): [
        ("radius**steps", "1 - (1 - radius) * steps", "a share of what is left", 3),
        ("np.log(gate / (1 - gate))", "gate", "ask which bias opens it so far", 3),
    ],
    ("recurrent", "own"): [
        ("my.left ** (1 / my.lag)", "my.left / my.lag", "take a root", 2),
        ("RNN 0.95", "RNN 0.9", "its tenth root is the radius", 0.5),
    ],
    ("recurrent", "rnn-backward"): [
        ("W_h.T", "W_h", "transposed on the way back", 3),
        (" * (1 - h[t] ** 2)", "", "the slope of the tanh is missing", 3),
        ("dh[t - 1] +=", "dh[t - 1] =", "own `dy` is added", 3),
    ],
    ("recurrent", "pytorch"): [
        ('["bias_hh_l0"][n : 2 * n] = 0', '["bias_hh_l0"][n : 2 * n] = bias', "PyTorch adds them", 3),
        ('["weight_ih_l0"].T', '["weight_ih_l0"]', "transpose", 3),
    ],
    ("recurrent", "check-lstm"): [
        ("2 * rng.normal(size=n)", "np.zeros(n)", "survived: the old cell is kept in full", 1),
        ("rng.normal(size=4 * n)", "np.zeros(4 * n)", "survived: the biases count twice", 1),
        ("rtol=1e-9", "rtol=0, atol=0", "your test refuses code that is right", 5),
    ],
    ("layer_normalization", "equations"): [
        ("std / np.hypot(mean, std)", "1.0", "what layer normalization makes of it", 3),
        ("(2 * blocks + 1) * d", "2 * blocks * d", "at the end of the stream is missing", 3),
    ],
    ("layer_normalization", "own"): [
        ("1 + 2 * my.blocks", "1 + my.blocks", "a block has two parts", 2),
        ('"pre-norm", "no residual"', '"no residual", "pre-norm"', "grows like a root", 1),
    ],
    ("layer_normalization", "rms-backward"): [
        ("towards - along * x_hat", "towards", "taken for a constant", 3),
        ("np.sum(g * x_hat, axis=0)", "np.mean(g * x_hat, axis=0)", "they are not averaged", 3),
    ],
    ("layer_normalization", "pytorch"): [
        ("weight.mean(axis=0)", "weight.mean(axis=1, keepdims=True)", "the outputs stand in rows", 3),
        ("bias - bias.mean()", "bias", "the bias has a mean, too", 3),
    ],
    ("layer_normalization", "check-causal"): [
        ("range(6)", "[5]", "survived: all steps but the last", 1),
    ],
    ("dropout", "drop"): [
        ("1 if axis in shared else length", "length", "a channel of an example is kept or dropped as a", 3),
        ("1 if axis in shared else length", "length if axis in shared else 1", "is kept or dropped as a", 3),
        ("1 if axis in shared else", "1 if axis in (0, *shared) else", "each needs draws of its own", 3),
        (">= p) / (1 - p)", "< p) / p", "p is the share that is dropped", 3),
        (">= p) / (1 - p)", ">= p) * 1.0", "inverted dropout divides by 1 − p in training", 3),
        ("return r * x, r", "return r * x, x", "return the factors that were used", 3),
    ],
    ("dropout", "own"): [
        ("my.p**my.few", "my.p / my.few", "multiplied, not divided", 3),
        ("np.sqrt(my.p / (1 - my.p) / my.units)", "np.sqrt(my.p / (1 - my.p)) / my.units", "1/√n", 3),
        ("np.sqrt(my.p / (1 - my.p)", "np.sqrt(my.p * (1 - my.p)", "these are plain masks", 3),
        ("** -my.layers", "** -1.0", "this is one dropout layer", 3),
        ("** -my.layers", "** my.layers", "in evaluation they are larger", 3),
    ],
    ("dropout", "ensemble"): [
        (" / (1 - p) * h", " * h", "the masks are not divided", 3),
        ("rng.random(h.shape)", "rng.random(h.shape[1])", "all examples have the same mask", 3),
        ("abs(thinned.mean(axis=0) -", "abs(thinned -", "the distance of single networks", 3),
        ("np.tanh(h @ v))", "np.tanh((1 - p) * h @ v))", "nothing is multiplied by 1 − p", 3),
        ("std(axis=0).mean()", "std(axis=1).mean()", "take it over the draws", 3),
    ],
    ("dropout", "what"): [
        ('"dropout", "too much"', '"too much", "dropout"', "too much dropout underfits", 2),
        ('"dropout", "too much", "no scale"', '"no scale", "too much", "dropout"', "far too sure", 2),
        ('"no dropout", "dropout"', '"dropout", "no dropout"', "learn wrong labels by heart", 4),
        (
            '"no scale", "validated with dropout on"',
            '"validated with dropout on", "no scale"',
            "both measurements agree",
            4,
        ),
    ],
    ("dropout", "torch"): [
        ("6, 10, 11, 16", "9, 10, 11, 16", "line 9 is where dropout belongs", 4),
        ("6, 10, 11, 16", "6, 10, 11, 15", "a line inserted there runs once", 4),
        ("6, 10, 11, 16", "6, 20, 11, 16", "F.dropout needs training=self.training", 1),
        ("6, 10, 11, 16", "6, 10, 8, 19", "no dropout on the logits", 2),
    ],
    ("landscape", "curvatures"): [
        ("max(one, other), min(one, other)", "one, other", "the one with the largest absolute value", 3),
        ("one + end(u, one)", "end(u, one)", "add a again", 3),
        ("/ (2 * h)", "/ h", "the two points are 2h apart", 3),
        ("v @ Hv, Hv", "np.linalg.norm(Hv), Hv", "take u · Hu, not the length of Hu", 3),
        ("gradient(theta - h * v)) / (2 * h)", "gradient(theta)) / h", "differences to one side", 3),
        ("v = v / np.linalg.norm(v)", "pass", "in every round", 3),
    ],
    ("landscape", "own"): [
        ("(2 + 2 * my.beta) / my.rate", "2 / my.rate", "the limit without momentum", 3),
        ("(2 + 2 * my.beta) / my.rate", "2 / my.rate / (1 - my.beta)", "the effective rate", 3),
        ("np.ceil(", "np.floor(", "round up", 3),
        ("np.log(1 + my.rate)", "my.rate", "a little less than e to the power η", 3),
        ("/ (3 * my.y**2 - 1)", "/ (3 * my.y**2 - 1) - my.y", "this is the step", 3),
    ],
    ("landscape", "caught"): [
        (" + damping)", ")", "this is Newton without damping", 3),
        ("(3 * y**2 - 1 + damping)", "((3 * y**2 - 1) * (1 + damping))", "not multiplied with it", 3),
        ("(3 * y**2 - 1 + damping)", "(abs(3 * y**2 - 1) + damping)", "this is saddle-free Newton", 3),
        ("abs(y) < 0.01", "y < 0.01", "take the absolute value", 3),
        ("abs(y) < 0.01", "abs(y) >= 0.01", "this is the share that gets away", 3),
    ],
    ("landscape", "what"): [
        ('"small rate", "edge"', '"edge", "small rate"', "settles at 2/η", 2),
        ('"mini-batches", "saddle"', '"saddle", "mini-batches"', "near a critical point nothing happens", 5),
        ('"edge", "momentum"', '"momentum", "edge"', "nearly twice the sharpness", 5),
        (
            '"edge", "momentum", "mini-batches"',
            '"mini-batches", "momentum", "edge"',
            "rises in many steps",
            2,
        ),
    ],
    ("landscape", "torch"): [
        ("8, 13, 17, 18", "4, 13, 17, 18", "in which mode is the network", 4),
        ("8, 13, 17, 18", "8, 13, 10, 18", "put right in line 11, once", 4),
        ("8, 13, 17, 18", "8, 13, 17, 14", "the parameters are left at w − hu", 1),
        ("8, 13, 17, 18", "8, 7, 12, 18", "every round measures another batch", 2),
    ],
    ("transformer", "attend"): [
        ("np.tri(len(q), dtype=bool)", "True", "a step must not see later ones", 3),
        (" / np.sqrt(q.shape[1])", "", "not divided by the square root of d_k", 3),
        (" / np.sqrt(q.shape[1])", " / q.shape[1]", "by the square root of d_k, not by d_k", 3),
        ("dtype=bool)", "dtype=bool).T", "the mask is the wrong way round", 3),
        ("axis=1", "axis=0", "not over those that look", 3),
    ],
    ("transformer", "own"): [
        ("np.log(my.tokens)", "np.log2(my.tokens)", "these are bits", 3),
        (" + 7 * my.d", "", "the biases and the gains are missing", 3),
        ("7 * my.d", "5 * my.d", "the gains of the two norms are missing", 3),
        ("(2 * my.blocks)", "my.blocks", "each block has two parts", 3),
        ("my.entropy + my.above", "my.entropy", "this is the best possible model's", 3),
    ],
    ("transformer", "excess"): [
        ("np.where(divided, 1.0, frequency)", "np.ones(len(P))", "multiplied by its token's frequency", 3),
        ("(np.log(P) - log_guess)", "-log_guess", "take off the entropy of the row", 3),
        (
            "P * (np.log(P) - log_guess)",
            "frequency[:, None] * P * (np.log(P) - log_guess)",
            "each row for itself",
            3,
        ),
        ("W -= rate", "W += rate", "this goes uphill", 3),
        ("np.where(divided, 1.0, frequency)", "frequency", "divided has no influence", 3),
    ],
    ("transformer", "what"): [
        ('"no mask", "no attention"', '"no attention", "no mask"', "both losses stay at ln 16, steadily", 2),
        ('"standard", "no mask"', '"no mask", "standard"', "a right model cannot do that", 5),
        (
            '"large last layer", "rate too high"',
            '"rate too high", "large last layer"',
            "makes the first loss large",
            5,
        ),
        (
            '"no attention", "large last layer", "rate too high"',
            '"rate too high", "large last layer", "no attention"',
            "what was learned is lost",
            2,
        ),
    ],
    ("transformer", "torch"): [
        ("3, 9, 12, 10", "8, 9, 12, 10", "which line lets a step see later ones", 4),
        ("3, 9, 12, 10", "3, 9, 12, 11", "is 0 when the optimizer looks at it", 4),
        ("3, 9, 12, 10", "3, 9, 5, 10", "after the step that has used it", 1),
        ("3, 9, 12, 10", "2, 10, 12, 10", "the targets are the inputs themselves", 2),
    ],
}
CASES = [(*where, *answer) for where, answers in WRONG.items() for answer in answers]


def graded(exercise, task=None, changes=()):
    """Every machine-graded task's points and messages: with the solutions, or with each change of an answer.

    Nothing is sandboxed. The cells above the answer run once. For each change a fork of this process goes on.
    """
    space, found = {"__name__": "graded"}, {}
    cells = [cell for cell in release.read(exercise, SOURCE).cells if cell.cell_type == "code"]
    for place, cell in enumerate(cells):
        if name_of(cell) == f"{task}-answer":
            return [
                in_a_fork(go_on, cells[place:], cell.source, change, exercise, space, found)
                for change in changes
            ]
        run(cell, cell.source, exercise, space, found)
    return found


def run(cell, source, exercise, space, found):
    """Run a cell, or judge a test and note what it says."""
    if kind_of(cell) == "test":
        found[name_of(cell)] = outcome_of(source, points_of(cell), dict(space))
    else:
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(source, f"<{exercise}>", "exec"), space)


def go_on(cells, answer, change, exercise, space, found):
    right, wrong = change
    assert right in answer
    run(cells[0], answer.replace(right, wrong), exercise, space, found)
    for cell in cells[1:]:
        run(cell, cell.source, exercise, space, found)
    return found


def in_a_fork(function, *arguments):
    """What a function returns, or the text of its exception, from a copy of this process."""
    reader, writer = os.pipe()
    number = os.fork()
    if not number:
        try:
            said = json.dumps(function(*arguments))
        except BaseException:
            said = json.dumps(traceback.format_exc())
        with open(writer, "w", encoding="utf-8") as file:
            file.write(said)
        os._exit(0)
    os.close(writer)
    with open(reader, encoding="utf-8") as file:
        said = file.read()
    os.waitpid(number, 0)
    return json.loads(said)


def outcome_of(source, most, space):
    tree, printed = ast.parse(source), io.StringIO()
    last = ast.Expression(tree.body.pop().value) if isinstance(tree.body[-1], ast.Expr) else None
    try:
        with contextlib.redirect_stdout(printed), discreet():
            exec(compile(tree, "<test>", "exec"), space)
            earned = eval(compile(last, "<test>", "eval"), space) if last else None
    except AssertionError as failed:
        return 0, f"{printed.getvalue()}{failed}"
    return (most if earned is None else earned), printed.getvalue()


@functools.cache
def full(exercise):
    """Every task's points with the solutions."""
    return {name: earned for name, (earned, _) in graded(exercise).items()}


@functools.cache
def changed(exercise, task):
    """What each change of a task's answer leads to, for all cases of this file."""
    changes = [case[2:4] for case in (*CASES, *RIGHT) if case[:2] == (exercise, task)]
    return dict(zip(changes, graded(exercise, task, changes), strict=True))


@pytest.mark.parametrize("exercise, task, right, wrong, said, lost", CASES)
def test_a_typical_mistake_is_named_and_costs_its_own_points(exercise, task, right, wrong, said, lost):
    found, points = changed(exercise, task)[right, wrong], full(exercise)
    assert isinstance(found, dict), found
    assert said in found[task][1]
    assert {name: earned for name, (earned, _) in found.items()} == points | {task: points[task] - lost}


RIGHT = [  # other forms of a right answer: exercise, task, the solution's, this one
    *[("start", "pytorch", "BEDA", order) for order in ("EBDA", "BDAE", "AEBD", "ABED")],
    ("dropout", "torch", "6, 10, 11, 16", "6, 10, 11, 17"),
    ("bugs", "torch", "2, 4, 8, 13, 16", "2, 3, 8, 14, 16"),
    ("transformer", "torch", "3, 9, 12, 10", "3, 9, 11, 8"),
    ("transformer", "torch", "3, 9, 12, 10", "3, 9, 12, 12"),
    ("second_order", "torch", "5, 2, 5, 2", "5, 6, 7, 2"),
    ("input_normalization", "torch", "13, 2, 9, 8", "13, 3, np.int64(9), 8"),
    ("input_normalization", "torch", "13, 2, 9, 8", "13, 13, 9, 8"),
    ("hyperparameter_search", "torch", "1, 2, 9, 11", "1, 2, 8, 11"),
    ("bias_variance", "torch", "3, 1, 6, 16", "3, 1, 6, 17"),
    ("vanishing_gradients", "torch", "9, 11, 5, 20", "9, 11, 5, 19"),
    (
        "metrics",
        "pytorch",
        "np.exp(-np.logaddexp(0, np.log(w) - z))",
        "(1 + np.tanh((z - np.log(w)) / 2)) / 2",
    ),
    ("splits", "torch", "3, 2, 1, 11", "2, 2, 3, 11"),
    (
        "regularization",
        "pytorch",
        "return lr / 2, 2 * strength2, lr * strength1",
        "return np.array([lr / 2, 2 * strength2, lr * strength1])",
    ),
    ("regularization", "early", "return look, best", "return np.int64(look), best"),
    ("landscape", "own", "2 * my.y**3 / (3 * my.y**2 - 1)", "my.y - (my.y**3 - my.y) / (3 * my.y**2 - 1)"),
]


@pytest.mark.parametrize("exercise, task, ours, theirs", RIGHT)
def test_another_form_of_a_right_answer_earns_as_much(exercise, task, ours, theirs):
    found = changed(exercise, task)[ours, theirs]
    assert isinstance(found, dict), found
    assert {name: points for name, (points, _) in found.items()} == full(exercise)


@pytest.mark.parametrize("exercise", sorted({exercise for exercise, _ in WRONG}))
def test_the_solutions_earn_everything(exercise):
    tasks = [cell for cell in release.read(exercise, SOURCE).cells if kind_of(cell) == "test"]
    assert full(exercise) == {name_of(cell): points_of(cell) for cell in tasks}


@pytest.mark.parametrize("exercise", release.exercises(source=SOURCE))
def test_a_solution_and_its_hidden_tests_run_in_one_kernel(exercise):
    space = {}
    for cell in release.read(exercise, SOURCE).cells:
        if cell.cell_type == "code":
            exec(cell.source, space)
