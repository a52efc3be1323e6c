#!/bin/sh
# Creates the namespace and its search attributes, whether or not they are there, and tries again while the server is
# still starting: an open port is not yet a server that answers, and a new namespace is known everywhere only after a
# while. The same commands as namespace_commands in tools/temporal/real_server.py; a test compares them.
set -eu

TRIES="${TRIES:-60}"
PAUSE="${PAUSE:-2}"

# Runs a command until it succeeds or says that what it creates exists already; gives up after TRIES.
insist() {
    left="$TRIES"
    while true; do
        if said=$("$@" 2>&1); then
            return 0
        fi
        case "$said" in
            *lready\ exist* | *lready\ registered*) return 0 ;;
        esac
        left=$((left - 1))
        if [ "$left" -le 0 ]; then
            echo "gave up after $TRIES tries: $*: $said" >&2
            return 1
        fi
        sleep "$PAUSE"
    done
}

insist temporal operator namespace create --retention 720h \
    --address "$TEMPORAL_ADDRESS" --namespace "$TEMPORAL_NAMESPACE"
insist temporal operator search-attribute create \
    --name CaseId --type Keyword \
    --name ExpertId --type Keyword \
    --name ClientId --type Keyword \
    --name PaymentStatus --type Keyword \
    --name InvoiceStatus --type Keyword \
    --name FailedStep --type Keyword \
    --name FailureCause --type Keyword \
    --name Parked --type Bool \
    --address "$TEMPORAL_ADDRESS" --namespace "$TEMPORAL_NAMESPACE"
