"""Tools for those who keep the rules: what they are worth on labelled cases."""
