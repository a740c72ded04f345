"""A worker whose acknowledgement got lost takes messages again."""

from types import SimpleNamespace
from typing import Any

import pytest
from kombu import Connection, Consumer, Message, Producer, Queue

from licensesync.config.worker import Listening


def test_a_message_that_nobody_works_on_and_nobody_acknowledged_has_the_worker_connect_anew() -> None:
    taken: list[Message] = []

    def take(_body: Any, message: Message) -> None:
        taken.append(message)

    with Connection("memory://") as connection:
        channel = connection.channel()
        consumer = Consumer(channel, queues=[Queue("listening", routing_key="listening")], callbacks=[take])
        consumer.qos(prefetch_count=1)
        listening = Listening(SimpleNamespace(task_consumer=consumer))
        listening.check()
        listening.check()  # nothing was taken
        with consumer:
            Producer(channel).publish({}, routing_key="listening")
            connection.drain_events(timeout=1)
            listening.check()  # it may be between two steps
            with pytest.raises(ConnectionError):
                listening.check()
            taken[0].ack()
            listening.check()
            listening.check()
