from nrnm_keras.plots.learning_curves import draw_learning_curves


def test_draws_a_picture_of_the_metrics(tmp_path):
    (tmp_path / "metrics.csv").write_text(
        "epoch,accuracy,loss,val_accuracy,val_loss\n0,0.5,0.7,0.6,0.6\n1,0.8,0.4,0.7,0.5\n"
    )
    draw_learning_curves(tmp_path / "metrics.csv", tmp_path / "curves.part", "Title")
    content = (tmp_path / "curves.part").read_bytes()
    assert content.startswith(b"\x89PNG")
    width, height = (int.from_bytes(content[i : i + 4]) for i in (16, 20))
    assert (width, height) == (900, 350)  # two panels
