#pragma once

#include "tests/unit/core/session/peer.hpp"

#include <stdexcept>

namespace iscsi::test {

template <class Pdu>
Pdu peer::hear_one(buffer* data) {
    collect();
    if (heard_.empty())
        throw std::logic_error("the session has nothing to say");
    auto first = std::move(heard_.front());
    heard_.pop_front();
    if (data != nullptr)
        *data = std::move(first.data);
    return std::get<Pdu>(first.pdu);
}

template <class Event>
Event peer::expect_event() {
    for (auto& each : events())
        events_.push_back(std::move(each));
    if (events_.empty())
        throw std::logic_error("no event");
    auto first = std::move(events_.front());
    events_.pop_front();
    return std::get<Event>(first);
}

} // namespace iscsi::test
