"""Invoices as PDF. `invoicing.documents.pdf.invoice.render` draws one; importing this package loads nothing."""
