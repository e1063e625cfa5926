from __future__ import annotations

import re

import pytest

from skinnet_keras.config import UnfreezingStageConfig, dump_config, load_config, parse_config
from skinnet_keras.errors import UserError
from skinnet_keras.presets import find_config, preset_names

MINIMAL = "name: a\nmodel: {variant: v1}\nstages: {cnn: {epochs: 1}}\n"


def _write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_is_valid_and_says_what_it_reproduces(name):
    path = find_config(name)
    config = load_config(path)
    assert config.name in (path.stem, name.replace("/", "_"))
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# ")
    assert "Command:" in text


def test_presets_hold_the_paper_s_recipe():
    for variant in ("v1", "v2", "v3", "v4"):
        config = load_config(find_config(f"skinnet_{variant}"))
        assert config.variant == variant
        assert config.loss.name == "focal"
        assert config.loss.gamma == 2
        assert config.stages.cnn.optimizer.weight_decay == 1e-4
        assert config.stages.cnn.optimizer.schedule.name == "cosine_restarts"
        assert config.checkpoint_every == 5
        assert config.image_size == 224


def test_dumped_config_reads_back_equal(tmp_path):
    config = load_config(find_config("skinnet_v4"), ["seed=3", "stages.joint.epochs=2"])
    again = load_config(_write(tmp_path / "config.yaml", dump_config(config)))
    assert again == config
    assert again.seed == 3
    assert again.stages.joint.epochs == 2


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("stages.cnn.epoch=2", "unknown key 'stages.cnn.epoch': did you mean 'epochs'"),
        ("stages.cnn.optimizer.schedule.nam=x", "first_cycle_epochs"),
        ("stages.cnn.optimizer.name=lion", "stages.cnn.optimizer.name: input should be 'adamw'"),
        ("stages.cnn.optimizer.name=[sgd]", "stages.cnn.optimizer.name"),
        ("stages.cnn.optimizer={name: sgd, beta_1: 0.5}", "optimizer: sgd takes no beta_1"),
        ("stages.cnn.optimizer={name: sgd, beta_1: 0.5}", "beta_1 is for adamw, adam"),
        ("stages.cnn.optimizer.nesterov=true", "adamw takes no nesterov"),
        ("stages.cnn.optimizer={name: adam, weight_decay: 0.1}", "set the config's l2 to half"),
        ("stages.cnn.optimizer.beta_1=1", "stages.cnn.optimizer.beta_1"),
        ("stages.cnn.optimizer.schedule.power=2", "schedule: cosine_restarts takes no power"),
        ("stages.cnn.optimizer.schedule.name=linear", "schedule: linear needs decay_epochs"),
        ("stages.cnn.optimizer.schedule={name: step, factor: 0.5}", "step needs step_epochs"),
        ("cleaning.hairs=true", "unknown key 'cleaning.hairs': did you mean 'hair'"),
        ("cleaning.minkowski_norm=0", "cleaning.minkowski_norm"),
        ("imagesize=96", "did you mean 'image_size'"),
        ("model.variant=v9", "model.variant"),
        ("stages.cnn.epochs=many", "stages.cnn.epochs"),
        ("balance.methods=[focal_alpha, class_weights]", "allow_stacking"),
        ("balance.methods=[class_weights, class_weights]", "twice"),
        ("balance.methods=[logit_adjust]", "balance.methods.0"),
        ("balance.weighting=median", "balance.weighting: input should be 'inverse_frequency'"),
        ("balance.beta=0.99", "balance: beta is for the weighting effective_number"),
        ("balance={weighting: effective_number, power: 1}", "power is for the weighting inverse"),
        ("balance={weighting: effective_number, beta: 1}", "balance.beta"),
        ("balance.tau=1", "balance: tau is for the method logit_adjustment"),
        ("balance={methods: [logit_adjustment], power: 1}", "power is for the weighting inverse"),
        ("balance={methods: [], weighting: effective_number}", "weighting is for the methods"),
        ("loss={name: cross_entropy, gamma: 2}", "loss: cross_entropy takes no gamma"),
        ("loss.label_smoothing=1", "loss.label_smoothing"),
        ("augmentation=false augment_validation=true", "augment_validation needs augmentation"),
        (
            "stages.joint={epochs: 1, mask_loss_weight: 2}",
            "stages.joint: mask_loss_weight needs segmenter: true",
        ),
        (
            "stages.joint={epochs: 1, segmenter: true}",
            "stages.joint.segmenter: true needs a classifier with a mask input",
        ),
        ("stages.joint={epochs: 1, segmenter: true, mask_loss_weight: -1}", "mask_loss_weight"),
        ("name=../x", "name"),
        ("model.variant=v2", "needs a segmenter section"),
        ("model=null", "need a model section"),
        ("stages.segmentation.epochs=1", "needs a segmenter section"),
        ("epochs", "not of the form key=value"),
        ("stages.cnn.ema=1", "stages.cnn.ema"),
        ("stages.cnn.early_stopping=0", "stages.cnn.early_stopping"),
        ("stages.cnn.unfreeze=[]", "first entry of unfreeze must have from_epoch 0"),
        ("stages.cnn.unfreeze=[{from_epoch: 1, parts: [all]}]", "must have from_epoch 0"),
        ("stages.cnn.unfreeze=[{from_epoch: 0, parts: [body]}]", "should be 'head', 'stem'"),
        ("stages.cnn.unfreeze=[{from_epoch: 0, parts: []}]", "unfreeze.0.parts"),
        ("stages.cnn.unfreeze=[{from_epoch: 0, parts: [all], part: x}]", "did you mean 'parts'"),
        (
            "stages.cnn.unfreeze=[{from_epoch: 0, parts: [stem]}, {from_epoch: 0, parts: [all]}]",
            "must rise",
        ),
        (
            "stages.cnn.unfreeze=[{from_epoch: 0, parts: [stem]}, {from_epoch: 1, parts: [all]}]",
            "from_epoch 1, but the stage has 1 epochs",
        ),
        (
            "stages.head={epochs: 2, unfreeze: [{from_epoch: 0, parts: [all]}]}",
            "unknown key 'stages.head.unfreeze'",
        ),
        ("seed.x=1", "holds a value"),
        ("seed=[", "not valid YAML"),
        ("seed=1 seed=2", "override 'seed' is given twice"),
        ("stages.cnn={epochs: 1, epochs: 2}", "the key 'epochs' is there twice"),
        ("seed=2024-13-45", "seed: input should be a valid integer"),
        ("seed=" + "1" * 5000, "cannot be read as int"),
        ("seed=" + "[" * 5000, "nested deeper"),
        ("seed=true", "seed is true or false where a number is to be"),
        ("image_size=1000000", "image_size: input should be less than or equal to 2048"),
        ("stages.cnn.optimizer.learning_rate=1e300", "stages.cnn.optimizer.learning_rate: input"),
        ("l2=.nan", "l2: input should be a finite number"),
        ("x" * 5000 + "=1", "unknown key 'xxx"),
    ],
)
def test_bad_values_are_one_sentence_that_names_the_key(tmp_path, override, sentence):
    path = _write(tmp_path / "c.yaml", MINIMAL + "seed: 1\n")
    with pytest.raises(UserError) as error:
        load_config(path, re.split(r" (?=[a-z_.]+=)", override))
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["[1, 2]", "a: [", ""])
def test_unusable_file_is_named(tmp_path, text):
    with pytest.raises(UserError, match=r"c\.yaml"):
        load_config(_write(tmp_path / "c.yaml", text))


def test_missing_file_and_missing_key():
    with pytest.raises(UserError, match="skinnet_v2"):
        find_config("nonsense")
    with pytest.raises(UserError, match="'name' is missing"):
        parse_config({"stages": {}}, "x")


def test_optimizer_has_the_defaults_of_its_name_and_nothing_of_the_others(tmp_path):
    path = _write(tmp_path / "c.yaml", MINIMAL)
    optimizer = load_config(path).stages.cnn.optimizer
    assert (optimizer.name, optimizer.weight_decay, optimizer.momentum) == ("adamw", 1e-4, None)
    sgd = load_config(path, ["stages.cnn.optimizer={name: sgd, momentum: null}"])
    optimizer = sgd.stages.cnn.optimizer
    assert (optimizer.momentum, optimizer.nesterov, optimizer.beta_1) == (0.9, False, None)
    assert load_config(_write(tmp_path / "again.yaml", dump_config(sgd))) == sgd


def test_segmenter_comes_from_a_stage_or_from_a_run_not_both():
    base = load_config(find_config("skinnet_v2")).model_dump()
    with pytest.raises(UserError, match="either"):
        parse_config({**base, "segmenter": {"run": "x"}}, "x")
    stages = {**base["stages"], "segmentation": None}
    config = parse_config({**base, "segmenter": {"run": "x"}, "stages": stages}, "x")
    assert config.segmenter.run == "x"


def test_stacked_balancing_is_possible_when_asked_for():
    base = load_config(find_config("skinnet_v1")).model_dump()
    balance = {"methods": ["focal_alpha", "class_weights"], "allow_stacking": True}
    assert parse_config({**base, "balance": balance}, "x").balance.allow_stacking


def test_balance_has_the_defaults_of_its_methods_and_nothing_of_the_others(tmp_path):
    path = _write(tmp_path / "c.yaml", MINIMAL)
    for overrides, expected in (
        ([], ("inverse_frequency", 0.5, None, None)),
        (["balance.methods=[balanced_sampling]"], ("inverse_frequency", 0.5, None, None)),
        (["balance.weighting=effective_number"], ("effective_number", None, 0.999, None)),
        (["balance.methods=[logit_adjustment]"], (None, None, None, 1.0)),
        (["balance.methods=[]"], (None, None, None, None)),
        (
            [
                "balance.methods=[class_weights, logit_adjustment]",
                "balance.allow_stacking=true",
                "balance.tau=0.5",
            ],
            ("inverse_frequency", 0.5, None, 0.5),
        ),
    ):
        config = load_config(path, overrides)
        balance = config.balance
        assert (balance.weighting, balance.power, balance.beta, balance.tau) == expected
        assert load_config(_write(tmp_path / "again.yaml", dump_config(config))) == config


def test_shipped_configs_take_another_method_on_the_command_line():
    for override in ("balance.methods=[logit_adjustment]", "balance.weighting=effective_number"):
        assert load_config(find_config("skinnet_v1"), [override]).balance.power is None


@pytest.mark.parametrize(
    ("loss", "balance", "gamma", "power"),
    [
        ("focal", ["focal_alpha"], 2.0, 0.5),
        ("cross_entropy", ["class_weights"], None, 0.5),
        ("cross_entropy", [], None, None),
    ],
)
def test_config_of_an_older_run_still_opens(tmp_path, loss, balance, gamma, power):
    """Before they had keys of their own, all losses and methods wrote gamma and power out."""
    old = MINIMAL + (
        f"loss: {{name: {loss}, gamma: 2.0, label_smoothing: 0.0}}\n"
        f"balance: {{methods: {balance}, power: 0.5, allow_stacking: false}}\n"
    )
    config = load_config(_write(tmp_path / "config.yaml", old))
    assert (config.loss.name, config.loss.gamma) == (loss, gamma)
    assert (config.balance.methods, config.balance.power) == (balance, power)


def test_nothing_is_cleaned_unless_asked_for(tmp_path):
    path = _write(tmp_path / "c.yaml", MINIMAL)
    assert load_config(path).cleaning.steps == ()
    some = load_config(path, ["cleaning.hair=true", "cleaning.borders=true"]).cleaning
    assert some.steps == ("borders", "hair")
    assert all(not load_config(find_config(name)).cleaning.steps for name in preset_names())


def test_unfreezing_cuts_a_stage_into_segments(tmp_path):
    gentle = "{from_epoch: 0, parts: [head, stem, last_block]}"
    path = _write(tmp_path / "c.yaml", MINIMAL)
    unfreeze = f"stages.cnn.unfreeze=[{gentle}, {{from_epoch: 3, parts: [all]}}]"
    stage = load_config(path, ["stages.cnn.epochs=7", unfreeze]).stages.cnn
    assert stage.segments == ((0, 3, ("head", "stem", "last_block")), (3, 7, ("all",)))
    assert load_config(path).stages.cnn.segments == ((0, 1, ("all",)),)


@pytest.mark.parametrize(
    ("epoch", "best_epoch", "ends"),
    [(9, 0, False), (10, 0, True), (10, 8, False), (12, 9, True), (19, 19, False), (20, 19, True)],
)
def test_early_stopping_waits_for_improvement_and_for_the_last_parts(epoch, best_epoch, ends):
    unfreeze = [{"from_epoch": 0, "parts": ["head"]}, {"from_epoch": 7, "parts": ["all"]}]
    stage = UnfreezingStageConfig(epochs=20, early_stopping=3, unfreeze=unfreeze)
    assert stage.ends_after(epoch, best_epoch) is ends


def test_joint_stage_can_train_a_binary_segmenter_only():
    base = load_config(find_config("skinnet_v2")).model_dump()
    joint = {"epochs": 1, "segmenter": True}
    raw = {**base, "stages": {**base["stages"], "joint": joint}}
    config = parse_config(raw, "x")
    assert (config.tunes_segmenter, config.stages.joint.mask_loss_weight) == (True, 1.0)
    assert parse_config(config.model_dump(), "x") == config
    with pytest.raises(UserError, match="binary segmenter"):
        parse_config({**raw, "segmenter": {"arguments": {"num_classes": 2}}}, "x")
