DROP TABLE outgoing_mail;
DROP TABLE one_time_codes;
