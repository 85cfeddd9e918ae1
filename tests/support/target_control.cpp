#include "tests/support/target_control.hpp"

#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>

#include <unistd.h>

#include <charconv>
#include <stdexcept>

namespace iscsi::test {

namespace asio = boost::asio;

namespace {

std::uint64_t number_from(std::string_view text) {
    const int base = text.starts_with("0x") ? 16 : 10;
    if (base == 16)
        text.remove_prefix(2);
    std::uint64_t value = 0;
    const auto end = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (end.ec != std::errc() || end.ptr != text.data() + text.size() || text.empty())
        throw std::invalid_argument("not a number: " + std::string(text));
    return value;
}

bool is_on(const std::string& word) {
    if (word != "on" && word != "off")
        throw std::invalid_argument("on or off, not " + word);
    return word == "on";
}

sense_code sense_from(const std::string& word) {
    const auto code = number_from(word);
    return {
        static_cast<std::uint8_t>(code >> 16U & 0xfU),
        static_cast<std::uint8_t>(code >> 8U),
        static_cast<std::uint8_t>(code)};
}

std::uint16_t lun_from(const std::string& word) {
    const auto lun = number_from(word);
    if (lun > 0x3fff)
        throw std::invalid_argument("no LUN: " + word);
    return static_cast<std::uint16_t>(lun);
}

reservation reservation_from(const std::string& word) {
    if (word == "no")
        return reservation::none;
    if (word == "writes")
        return reservation::write_exclusive;
    if (word == "all")
        return reservation::exclusive_access;
    throw std::invalid_argument("no, writes or all, not " + word);
}

} // namespace

// ---- lines --------------------------------------------------------------------------------------

std::string target_control::obey(const std::string& line) {
    std::string words = line;
    constexpr std::string_view suffix = " quietly";
    quietly_ = words.ends_with(suffix);
    if (quietly_)
        words.resize(words.size() - suffix.size());
    try {
        std::istringstream in(words);
        auto answer = perform(in);
        with_.server.flush();
        return answer;
    } catch (const std::exception& error) {
        return std::string("error: ") + error.what();
    }
}

std::string target_control::perform(std::istringstream& words) {
    std::string verb;
    std::string first;
    words >> verb;
    if (verb == "lun")
        return change_unit(words);
    if (verb == "fault") {
        auto rules = parse_fault_script(std::string(std::istreambuf_iterator<char>(words), {}));
        if (rules.has_error())
            throw std::invalid_argument(rules.error().text());
        with_.faults.add(*rules);
        return "ok";
    }
    words >> first;
    if (verb == "held")
        return std::to_string(held());
    if (verb == "commands")
        return std::to_string(
            first.empty() ? with_.target.commands()
                          : with_.target.commands(static_cast<std::uint8_t>(number_from(first)))
        );
    if (verb == "task-management")
        return std::to_string(with_.target.task_management_requests);
    if (verb == "forget")
        with_.faults.clear();
    else if (verb == "release")
        release();
    else if (verb == "rate")
        with_.server.set_rate(number_from(first));
    else if (verb == "silent-task-management")
        with_.target.silent_task_management = is_on(first);
    else if (verb == "drop")
        with_.server.drop_connections();
    else if (verb == "accept")
        with_.target.options().refuse_login.reset();
    else if (verb == "refuse")
        refuse(first, words);
    else
        throw std::invalid_argument("unknown: " + verb);
    return "ok";
}

void target_control::refuse(const std::string& status_class, std::istringstream& words) {
    std::string detail;
    words >> detail;
    with_.target.options().refuse_login = {
        static_cast<std::uint8_t>(number_from(status_class)),
        static_cast<std::uint8_t>(number_from(detail))};
}

// ---- what is held -------------------------------------------------------------------------------

std::size_t target_control::held() {
    std::size_t count = 0;
    with_.server.for_each_link([&count](target_link& link) { count += link.held_tasks(); });
    return count;
}

void target_control::release() {
    with_.faults.clear(fault_action::hold);
    for (auto& [lun, disk] : with_.target.disks())
        with_.target.condition(lun).holds = false;
    with_.server.for_each_link([](target_link& link) { link.release_held(); });
}

// ---- units --------------------------------------------------------------------------------------

std::string target_control::change_unit(std::istringstream& words) {
    std::string number;
    std::string what;
    std::string value;
    words >> number >> what >> value;
    const auto lun = lun_from(number);
    if (change_list(lun, what, value))
        return "ok";
    if (!with_.target.disks().contains(lun))
        throw std::invalid_argument("there is no LUN " + number);
    if (!change_condition(lun, what, value) && !change_disk(lun, what, value))
        throw std::invalid_argument("unknown: " + what);
    return "ok";
}

bool target_control::change_list(
    std::uint16_t lun, const std::string& what, const std::string& value
) {
    if (what == "add") {
        auto disk = with_.fresh;
        if (!value.empty())
            disk.size = number_from(value) << 20U;
        disk.serial = with_.target.options().name.substr(0, 64) + ":" + std::to_string(lun);
        with_.target.add_disk(lun, std::move(disk));
    } else if (what == "remove") {
        with_.target.remove_disk(lun);
    } else {
        return false;
    }
    if (!quietly_)
        with_.target.raise_attention_elsewhere(lun, sense::luns_changed);
    return true;
}

bool target_control::change_condition(
    std::uint16_t lun, const std::string& what, const std::string& value
) {
    auto& unit = with_.target.condition(lun);
    if (what == "offline")
        unit.refuses = value.empty() ? sense::offline : sense_from(value);
    else if (what == "online")
        unit.refuses.reset();
    else if (what == "hang")
        unit.holds = is_on(value);
    else if (what == "delay")
        unit.delay = std::chrono::milliseconds(number_from(value));
    else if (what == "one-by-one")
        unit.one_by_one = is_on(value);
    else if (what == "reserved")
        unit.reserved = reservation_from(value);
    else if (what == "attention")
        with_.target.raise_attention(lun, sense_from(value));
    else
        return false;
    if (what == "online")
        tell_change(lun, sense::access_changed);
    if (what == "hang" && !unit.holds)
        with_.server.for_each_link([](target_link& link) { link.release_held(); });
    return true;
}

bool target_control::change_disk(
    std::uint16_t lun, const std::string& what, const std::string& value
) {
    auto& disk = with_.target.disk(lun);
    const auto change = [&](const sense_code& attention, auto how) {
        disk.change(how);
        tell_change(lun, attention);
    };
    if (what == "size") {
        disk.resize(number_from(value) << 20U);
        tell_change(lun, sense::capacity_changed);
    } else if (what == "serial") {
        change(sense::inquiry_changed, [&](auto& of) { of.serial = value; });
    } else if (what == "cache") {
        change(sense::mode_changed, [&](auto& of) { of.write_cache = is_on(value); });
    } else if (what == "caching-page") {
        change(sense::mode_changed, [&](auto& of) { of.has_caching_page = is_on(value); });
    } else if (what == "read-only") {
        change(sense::mode_changed, [&](auto& of) { of.read_only = is_on(value); });
    } else if (what == "flushes") {
        disk.change([&](auto& of) { of.takes_flushes = is_on(value); });
    } else if (what == "thin") {
        change(sense::inquiry_changed, [&](auto& of) { of.thin = is_on(value); });
    } else if (what == "zeroes") {
        change(sense::inquiry_changed, [&](auto& of) { of.reads_zeroes = is_on(value); });
    } else if (what == "longest") {
        const auto blocks = static_cast<std::uint32_t>(number_from(value));
        change(sense::inquiry_changed, [&](auto& of) { of.longest_transfer = blocks; });
    } else {
        return false;
    }
    return true;
}

void target_control::tell_change(std::uint16_t lun, const sense_code& what) {
    if (!quietly_)
        with_.target.raise_attention(lun, what);
}

// ---- the socket ---------------------------------------------------------------------------------

control_socket::control_socket(
    asio::io_context& context, const std::string& path, target_control& control
)
    : control_(control), acceptor_(context) {
    ::unlink(path.c_str());
    acceptor_.open();
    acceptor_.bind(protocol::endpoint(path));
    acceptor_.listen();
    accept_next();
}

void control_socket::accept_next() {
    acceptor_.async_accept([this](boost::system::error_code error, protocol::socket client) {
        if (error)
            return;
        serve(std::make_shared<protocol::socket>(std::move(client)));
        accept_next();
    });
}

void control_socket::serve(std::shared_ptr<protocol::socket> client) {
    const auto line = std::make_shared<std::string>();
    asio::async_read_until(
        *client,
        asio::dynamic_buffer(*line, 4096),
        '\n',
        [this, client, line](boost::system::error_code error, std::size_t length) {
            if (error)
                return;
            *line = control_.obey(line->substr(0, length - 1)) + "\n";
            asio::async_write(*client, asio::buffer(*line), [client, line](auto, auto) {});
        }
    );
}

std::string tell_target(const std::string& path, const std::string& line) {
    asio::io_context context;
    asio::local::stream_protocol::socket socket(context);
    socket.connect(asio::local::stream_protocol::endpoint(path));
    asio::write(socket, asio::buffer(line + "\n"));
    std::string answer;
    const auto length = asio::read_until(socket, asio::dynamic_buffer(answer), '\n');
    return answer.substr(0, length - 1);
}

} // namespace iscsi::test
