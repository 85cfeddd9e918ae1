#pragma once

#include "libiscsi/core/parameters.hpp"
#include "libiscsi/core/session/control_tags.hpp"
#include "libiscsi/core/session/event_queue.hpp"
#include "libiscsi/core/session/window.hpp"

namespace iscsi {

// What belongs to the session as a whole and all its parts share.
struct session_context {
    explicit session_context(session_config wanted)
        : config(std::move(wanted))
        , window(config.initial_command_sn)
        , events(config.commands_max + std::size_t{64}) {}

    session_config config;
    operational_parameters parameters;
    command_window window;
    control_tags tags;
    event_queue events;
    session_statistics statistics;
    instant now{}; // of the last input
};

} // namespace iscsi
