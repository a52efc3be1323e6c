"""Telling documents: the stored fact of each as JSON, and the PDF that it becomes."""
