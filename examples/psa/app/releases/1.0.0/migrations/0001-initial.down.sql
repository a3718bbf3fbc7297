-- Takes the system's tables away altogether: only for a store that was never used.
DROP TABLE request, job, invoice_line, approval, time_entry, invoice, invoice_counter, project, customer;
