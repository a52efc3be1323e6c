"""French catalogue; keys and placeholders are those of `invoicing.locale.pl`. `Regénéré` is fixed by contract.

Sentences avoid the signs that French sets behind a no-break space, so that no line begins with one.
"""

TEXTS = {
    "case.in_analysis": "ANALYSE DU DOSSIER",
    "case.in_preparation": "EN PRÉPARATION",
    "payment.open": "En cours",
    "payment.failed": "Erreur",
    "payment.completed": "Effectué",
    "invoice.resume_payment": "Réessayer",
    "invoice.pay_again": "Relancer le paiement",
    "invoice.generating": "Création de la facture",
    "invoice.available": "Télécharger la facture",
    "invoice.failed_reason": "Nous sommes désolés, la facture n'a pas pu être créée",
    "action.pay": "PAYER",
    "action.resume_payment": "Réessayer",
    "action.pay_again": "Relancer le paiement",
    "action.download": "Télécharger la facture",
    "action.correct_billing_data": "Corriger les données de facturation",
    "action.regenerate_invoice": "Regénéré",
    "action.resend_invoice": "Renvoyer la facture",
    "action.attach_invoice": "Joindre la facture",
    "action.refund": "Rembourser le paiement",
    "action.give_up": "Clore sans facture",
    "action.check_payment_now": "Vérifier le paiement maintenant",
    "badge.refunded": "Remboursé",
    "badge.partly_refunded": "Partiellement remboursé",
    "badge.disputed": "Contesté",
    "badge.corrected": "Rectifiée",
    "badge.awaiting_ksef": "En attente de KSeF",
    "badge.decision_needed": "Décision requise",
    "badge.unpaid": "Impayé",
    "fault.missing": "Ce champ est obligatoire.",
    "fault.unknown_field": "Ce champ est inconnu, supprimez-le.",
    "fault.bad_format": "La valeur n'a pas le bon format.",
    "fault.too_long": "Le texte est trop long.",
    "fault.bad_characters": "Le texte contient des caractères qui ne peuvent pas être imprimés.",
    "fault.bad_nip": "Ce n'est pas un NIP (numéro fiscal polonais) valide, vérifiez les chiffres.",
    "fault.bad_vat_number": "Ce n'est pas un numéro de TVA intracommunautaire valide.",
    "fault.bad_postal_code": "Le code postal n'a pas le bon format.",
    "fault.bad_email": "Ce n'est pas une adresse e-mail valide.",
    "fault.bad_country": "Indiquez un code de pays à deux lettres.",
    "fault.bad_iban": "Ce n'est pas un numéro de compte (IBAN) valide.",
    "fault.unknown_vat_rate": "Ce taux de TVA n'existe pas.",
    "fault.vat_rate_not_allowed": "Ce taux de TVA n'est pas autorisé ici.",
    "fault.amount_too_small": "Le montant est trop faible.",
    "fault.amount_too_large": "Le montant est trop élevé.",
    "fault.currency_not_supported": "Cette devise n'est pas prise en charge.",
    "fault.expert_unknown": "Cet expert n'existe pas.",
    "fault.expert_incomplete": "Les données de l'expert sont incomplètes, il doit les compléter.",
    "fault.issuer_not_ready": "Le mode de facturation de l'expert n'est pas encore prêt.",
    "fault.ksef_required": "Cette facture doit être émise dans KSeF, que nous ne prenons pas encore en charge.",
    "problem.invalid": "Corrigez les champs indiqués et envoyez de nouveau.",
    "problem.conflict": "Un dossier portant ce numéro est déjà enregistré avec un autre contenu.",
    "problem.not_found": "Cette ressource n'existe pas.",
    "problem.no_invoice": "La facture n'existe pas encore.",
    "problem.unauthenticated": "Un jeton valide est nécessaire.",
    "problem.forbidden": "Ce rôle n'y est pas autorisé.",
    "problem.action_not_allowed": "L'état actuel du dossier ne le permet pas.",
    "problem.already_paid": "Ce dossier est déjà payé.",
    "problem.autopay_disabled": "Les paiements Autopay ne sont pas activés.",
    "problem.too_large": "Le contenu est trop volumineux.",
    "problem.unsupported_media_type": "Ce type de contenu n'est pas accepté.",
    "problem.rate_limited": "Trop de requêtes, réessayez dans un instant.",
    "problem.unavailable": "Le service est momentanément indisponible, réessayez.",
    "failure.billing_data_invalid": (
        "Les données de facturation sont erronées ou incomplètes. Corrigez-les et le dossier reprendra."
    ),
    "failure.invoice_facts_incomplete": "Il manque des données pour la facture. Complétez-les et relancez sa création.",
    "failure.autopay_disabled": (
        "Les paiements Autopay ne sont pas configurés. L'administrateur doit indiquer le service et la clé."
    ),
    "failure.issuer_not_ready": "L'émetteur de factures n'est pas prêt. Complétez les réglages de l'expert.",
    "failure.mail_not_configured": "Le serveur de messagerie n'est pas configuré. L'administrateur doit l'indiquer.",
    "failure.gateway_settings": (
        "La passerelle de paiement a rejeté notre signature ou notre service. Vérifiez la clé et le numéro de service."
    ),
    "failure.gateway_unreachable": (
        "La passerelle de paiement ne répond pas. Nous continuons d'essayer, rien n'a été prélevé."
    ),
    "failure.gateway_outcome_unknown": (
        "On ignore si le paiement a été ouvert. Nous le vérifions et ne répétons rien."
    ),
    "failure.payment_refused": "La passerelle a refusé d'ouvrir le paiement. Rien n'a été prélevé.",
    "failure.payment_not_verified": (
        "Un message sur le paiement ne correspond pas au dossier. Une décision est nécessaire."
    ),
    "failure.payment_duplicate": ("Le dossier a été payé une seconde fois. Le second paiement doit être remboursé."),
    "failure.notification_rejected": "Un message de la passerelle a été rejeté. Rien n'a été modifié.",
    "failure.provider_limit": "Le prestataire demande une pause. Un nouvel essai aura lieu plus tard.",
    "failure.mail_refused": ("Le serveur du destinataire a refusé le message. Vérifiez l'adresse et renvoyez-le."),
    "failure.mail_deferred": "Le serveur de messagerie demande d'essayer plus tard. Nous continuons d'essayer.",
    "failure.mail_undeliverable": "Le message n'a pas pu être remis dans le délai prévu. Renvoyez-le.",
    "failure.mail_outcome_unknown": ("On ignore si le message est arrivé. Demandez au destinataire ou renvoyez-le."),
    "failure.document_store": ("Le document n'a pas pu être enregistré ou lu. Vérifiez le stockage des documents."),
    "failure.database_unavailable": "La base de données ne répond pas. Nous continuons d'essayer.",
    "failure.step_timed_out": "L'étape ne s'est pas terminée à temps. Vérifiez-la et reprenez.",
    "failure.run_cancelled": "Le traitement a été interrompu. Vérifiez l'argent et les documents du dossier.",
    "failure.internal": "Erreur interne. L'aide d'un ingénieur est nécessaire, rien d'autre n'a été fait.",
    "event.case_recorded": "Dossier enregistré",
    "event.payment_requested": "Le client est passé au paiement",
    "event.billing_data_saved": "Données de facturation enregistrées",
    "event.payment_opened": "Paiement ouvert",
    "event.payment_refused": "La passerelle a refusé d'ouvrir le paiement",
    "event.payment_failed": "Le paiement a échoué",
    "event.payment_completed": "Paiement effectué",
    "event.payment_duplicate": "Second paiement pour le même dossier",
    "event.payment_doubtful": "Le résultat du paiement est en cours de vérification",
    "event.notification_rejected": "Message de la passerelle rejeté",
    "event.invoice_issued": "Facture émise",
    "event.invoice_by_hand": "L'expert enverra la facture",
    "event.invoice_mailed": "Facture envoyée par e-mail",
    "event.mail_failed": "Message non remis",
    "event.expert_notified": "Expert prévenu",
    "event.step_failed": "L'étape a échoué",
    "event.parked": "Le dossier attend une décision",
    "event.resumed": "Dossier repris",
    "event.closed_unpaid": "Clos sans paiement",
    "event.completed": "Terminé",
    "mail.invoice.subject": "Facture {number}",
    "mail.invoice.text": (
        "Bonjour,\n\nveuillez trouver ci-joint la facture {number} relative au dossier n° {case_id}.\n"
        "Le paiement a été effectué.\n"
    ),
    "mail.expert-paid.subject": "Le dossier n° {case_id} est payé",
    "mail.expert-paid.text": "Le dossier n° {case_id} est payé et la facture a été envoyée au client.\n",
    "mail.expert-manual.subject": "Joignez la facture au dossier n° {case_id}",
    "mail.expert-manual.text": (
        "Le dossier n° {case_id} est payé. Établissez la facture et joignez-la au dossier sous forme de fichier PDF.\n"
    ),
    "mail.expert-failed.subject": "Erreur de facture pour le dossier n° {case_id}",
    "mail.expert-failed.text": (
        "Une erreur est survenue lors de l'établissement de la facture du client pour le dossier n° {case_id}"
    ),
    "return.title": "Paiement",
    "return.paid": "Le paiement a été effectué. Merci.",
    "return.waiting": "Nous attendons la confirmation du paiement. Vous pouvez fermer cette page.",
    "return.failed": "Le paiement a échoué. Vous pouvez le relancer dans votre dossier.",
    "return.unknown": (
        "Nous ne pouvons pas confirmer cette adresse de retour. L'état du paiement est visible dans votre dossier."
    ),
}
