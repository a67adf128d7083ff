"""Time and frequency: switch-on, waveforms, alternating current, modes."""
