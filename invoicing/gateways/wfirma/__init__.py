"""wFirma, API version 2: transport, judgement of answers, and the issuer of experts who keep their books there."""
