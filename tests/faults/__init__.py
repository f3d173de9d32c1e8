"""What befalls the press, planted one at a time: `make faults`."""
