#!/bin/sh
# The accounts of ipamd on RabbitMQ, each with what it needs and no more. To be run where
# rabbitmqctl is, once the accounts exist (rabbitmqctl add_user NAME).
#
# VHOST is ipamd's alone: whoever has an account here is trusted with what the bus carries.
# The three patterns of set_permissions are what an account may configure, write and read;
# those of set_topic_permissions, which routing keys it may send to exchange "ipamd".
set -eu
VHOST=${VHOST:-ipamd}

rabbitmqctl add_vhost "$VHOST" || echo "the virtual host $VHOST is there already"

# Workers: take requests, answer them, publish events.
rabbitmqctl set_permissions -p "$VHOST" ipamd-worker '^(ipamd|ipam|ipam[._].+|notifications\..+)$' '^(ipamd|ipam|ipam[._].+|notifications\..+|amq\.default)$' '^(ipamd|ipam|ipam[._].+)$'
rabbitmqctl set_topic_permissions -p "$VHOST" ipamd-worker ipamd '^(ipam|notifications)(\..+)?$' '^(ipam|notifications)(\..+)?$'

# ipamd-api: sends requests, reads its answers.
rabbitmqctl set_permissions -p "$VHOST" ipamd-api '^(ipamd|reply_[0-9a-f]{32})$' '^(ipamd|reply_[0-9a-f]{32})$' '^reply_[0-9a-f]{32}$'
rabbitmqctl set_topic_permissions -p "$VHOST" ipamd-api ipamd '^ipam$' '^$'

# nova compute, or another client: the same as ipamd-api, under a name of its own.
rabbitmqctl set_permissions -p "$VHOST" nova-compute '^(ipamd|reply_[0-9a-f]{32})$' '^(ipamd|reply_[0-9a-f]{32})$' '^reply_[0-9a-f]{32}$'
rabbitmqctl set_topic_permissions -p "$VHOST" nova-compute ipamd '^ipam$' '^$'

# Whoever listens to events: reads them, sends nothing.
rabbitmqctl set_permissions -p "$VHOST" event-listener '^(ipamd|notifications\..+)$' '^notifications\..+$' '^(ipamd|notifications\..+)$'
rabbitmqctl set_topic_permissions -p "$VHOST" event-listener ipamd '^$' '^notifications\..+$'
