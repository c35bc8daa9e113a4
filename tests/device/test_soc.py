from cardscanner.soc import power_reasons, soc_temperature_c, throttled_bits


def test_temperature_and_throttling_are_read_from_the_kernels_files(tmp_path):
    warm, bits = tmp_path / "temp", tmp_path / "get_throttled"
    warm.write_text("61238\n")
    bits.write_text("50005\n")
    assert soc_temperature_c(warm) == 61.238
    assert throttled_bits(bits) == 0x50005


def test_where_the_machine_does_not_tell_nothing_is_made_up(tmp_path):
    assert soc_temperature_c(tmp_path / "none") is None
    assert throttled_bits(tmp_path / "none") == 0
    (tmp_path / "odd").write_text("no number")
    assert soc_temperature_c(tmp_path / "odd") is None
    assert throttled_bits(tmp_path / "odd") == 0


def test_low_voltage_and_heat_are_reasons_while_they_last():
    assert power_reasons(0) == ()
    assert power_reasons(0x50000) == ()
    assert power_reasons(0x50005) == ("power_low", "power_hot")
    assert power_reasons(0x1) == ("power_low",)
    assert power_reasons(0x8) == ("power_hot",)
