"""Stand-in of wFirma: API version 2 over HTTP, with keys, companies, series, contractors, invoices and their PDFs."""
