#include "iscsid/disk/nbd_handshake.hpp"

#include "iscsid/disk/nbd_wire.hpp"

#include <concepts>
#include <utility>

namespace iscsid::disk {

namespace {

// The first 16 bytes of a server, for every version of the protocol.
constexpr std::uint64_t greeting_magic = 0x4e42'444d'4147'4943; // "NBDMAGIC"
constexpr std::uint64_t option_magic = 0x4948'4156'454f'5054;   // "IHAVEOPT"
constexpr std::uint64_t reply_magic = 0x0003'e889'0455'65a9;

// "Handshake flags" of the server and "Client flags" have the same two bits.
constexpr std::uint32_t flag_fixed_newstyle = 1U << 0U;
constexpr std::uint32_t flag_no_zeroes = 1U << 1U;
constexpr std::uint32_t offered_flags = flag_fixed_newstyle | flag_no_zeroes;

constexpr std::size_t client_flags_size = 4;
constexpr std::size_t option_header_size = 16;
constexpr std::size_t zeroes_after_export_name = 124; // unless the client set no_zeroes

// No sound client comes near these; they bound the memory and time of an unsound one.
constexpr std::uint32_t longest_option = 64U * 1024;
constexpr std::size_t most_options = 64;

namespace option { // "Option types"
constexpr std::uint32_t export_name = 1;
constexpr std::uint32_t abort = 2;
constexpr std::uint32_t list = 3;
constexpr std::uint32_t starttls = 5;
constexpr std::uint32_t info = 6;
constexpr std::uint32_t go = 7;
constexpr std::uint32_t structured_reply = 8;
} // namespace option

namespace rep { // "Option reply types"
constexpr std::uint32_t ack = 1;
constexpr std::uint32_t server = 2;
constexpr std::uint32_t info = 3;
constexpr std::uint32_t err_unsup = 0x8000'0001;
constexpr std::uint32_t err_policy = 0x8000'0002;
constexpr std::uint32_t err_invalid = 0x8000'0003;
constexpr std::uint32_t err_unknown = 0x8000'0006;
} // namespace rep

namespace info { // the information types of NBD_REP_INFO
constexpr std::uint16_t of_export = 0;
constexpr std::uint16_t name = 1;
constexpr std::uint16_t description = 2;
constexpr std::uint16_t block_size = 3;
} // namespace info

// Builds a message field by field.
// Numbers are written big-endian, texts without a NUL.
class message {
  public:
    template <std::unsigned_integral Integer>
    message& add(Integer value) {
        const std::size_t at = bytes_.size();
        bytes_.resize(at + sizeof value);
        iscsi::store_be<sizeof value>(bytes_.data() + at, std::uint64_t{value});
        return *this;
    }

    message& add(iscsi::bytes_view data) {
        bytes_.insert(bytes_.end(), data.begin(), data.end());
        return *this;
    }

    message& add(std::string_view text) { return add(std::as_bytes(std::span(text))); }

    operator iscsi::bytes_view() const { return bytes_; }

  private:
    std::vector<std::byte> bytes_;
};

std::string_view text_of(iscsi::bytes_view bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string hex(std::uint64_t number) {
    std::string digits;
    do
        digits.insert(digits.begin(), "0123456789abcdef"[number & 0xfU]);
    while ((number >>= 4U) != 0);
    return "0x" + digits;
}

iscsi::fault nbd_fault(nbd_errc code, std::string field, std::string got, std::string expected) {
    return {iscsi::to_error_code(code), std::move(field), std::move(got), std::move(expected)};
}

// The data of NBD_OPT_INFO and NBD_OPT_GO.
struct info_question {
    std::string_view name;
    iscsi::bytes_view requests; // 2 bytes each
};

// nullopt unless every length fits the others: 4 + name + 2 + 2 × requests is all there is.
// All lengths are of the client and none is believed.
std::optional<info_question> read_question(iscsi::bytes_view data) {
    constexpr std::size_t before_name = 4;
    constexpr std::size_t least = before_name + 2;
    if (data.size() < least)
        return std::nullopt;
    const std::size_t name_size = iscsi::load_be32(data.data());
    if (name_size > data.size() - least)
        return std::nullopt;
    const auto name = data.subspan(before_name, name_size);
    const auto after_name = data.subspan(before_name + name_size);
    const auto requests = after_name.subspan(2);
    if (requests.size() != std::size_t{2} * iscsi::load_be16(after_name.data()))
        return std::nullopt;
    return info_question{text_of(name), requests};
}

bool asks_for(iscsi::bytes_view requests, std::uint16_t type) {
    for (; !requests.empty(); requests = requests.subspan(2))
        if (iscsi::load_be16(requests.data()) == type)
            return true;
    return false;
}

} // namespace

struct nbd_handshake::option_header {
    std::uint64_t magic;
    std::uint32_t option;
    std::uint32_t size; // of the data that follows
};

nbd_handshake::nbd_handshake(nbd_export what) : export_(std::move(what)) {
    const auto flags = static_cast<std::uint16_t>(offered_flags);
    send(message().add(greeting_magic).add(option_magic).add(flags));
}

iscsi::result<void> nbd_handshake::received(iscsi::bytes_view bytes) {
    if (phase_ == phase::aborted)
        return {};
    pending_.insert(pending_.end(), bytes.begin(), bytes.end());
    auto outcome = negotiate();
    if (!outcome)
        phase_ = phase::aborted;
    if (phase_ == phase::aborted)
        pending_.clear();
    return outcome;
}

// As many options as have come whole; the rest waits for its end.
iscsi::result<void> nbd_handshake::negotiate() {
    while (phase_ == phase::negotiating) {
        const auto used = client_flags_ ? read_option(pending_) : read_client_flags(pending_);
        if (!used)
            return used.error();
        if (*used == 0)
            break;
        pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(*used));
    }
    return {};
}

std::vector<std::byte> nbd_handshake::take_output() {
    return std::exchange(output_, {});
}

std::vector<std::byte> nbd_handshake::take_rest() {
    if (phase_ != phase::transmission)
        return {};
    return std::exchange(pending_, {});
}

// "Client flags": the server must drop a client that sets what was not offered.
iscsi::result<std::size_t> nbd_handshake::read_client_flags(iscsi::bytes_view input) {
    if (input.size() < client_flags_size)
        return std::size_t{0};
    const std::uint32_t flags = iscsi::load_be32(input.data());
    if ((flags & ~offered_flags) != 0)
        return nbd_fault(nbd_errc::not_the_protocol, "client flags", hex(flags), "no bits but 0x3");
    client_flags_ = flags;
    return client_flags_size;
}

iscsi::result<std::size_t> nbd_handshake::read_option(iscsi::bytes_view input) {
    if (input.size() < option_header_size)
        return std::size_t{0};
    const option_header header{
        iscsi::load_be64(input.data()),
        iscsi::load_be32(input.data() + 8),
        iscsi::load_be32(input.data() + 12)};
    if (const auto checked = check(header); !checked)
        return checked.error();
    const std::size_t size = option_header_size + header.size;
    if (input.size() < size)
        return std::size_t{0};
    ++options_;
    answer(header.option, input.subspan(option_header_size, header.size));
    return size;
}

// What is refused here ends the connection: behind it nobody knows where the next option begins.
iscsi::result<void> nbd_handshake::check(const option_header& header) const {
    if (header.magic != option_magic)
        return nbd_fault(
            nbd_errc::not_the_protocol, "option magic", hex(header.magic), hex(option_magic)
        );
    // "Option types": without fixed newstyle there is no valid option but this.
    const bool fixed = (*client_flags_ & flag_fixed_newstyle) != 0;
    if (!fixed && header.option != option::export_name)
        return nbd_fault(
            nbd_errc::not_the_protocol,
            "option of a client without fixed newstyle",
            std::to_string(header.option),
            "NBD_OPT_EXPORT_NAME (1)"
        );
    if (header.size > longest_option)
        return nbd_fault(
            nbd_errc::option_too_long,
            "length of option " + std::to_string(header.option),
            std::to_string(header.size),
            "at most " + std::to_string(longest_option)
        );
    if (options_ == most_options)
        return nbd_fault(
            nbd_errc::too_many_options,
            "options",
            std::to_string(options_ + 1),
            "NBD_OPT_GO within " + std::to_string(most_options)
        );
    return {};
}

// Options that are merely not supported are answered, and the client may try another.
void nbd_handshake::answer(std::uint32_t option, iscsi::bytes_view data) {
    const auto with_no_data = [&](auto&& go_on) {
        if (data.empty())
            go_on();
        else
            refuse(option, rep::err_invalid, "this option has no data");
    };
    switch (option) {
    case option::export_name:
        return answer_export_name(data);
    case option::abort: // data is ignored
        phase_ = phase::aborted;
        return reply(option, rep::ack);
    case option::list:
        return with_no_data([&] { answer_list(option); });
    case option::info:
    case option::go:
        return answer_info(option, data);
    case option::structured_reply:
        return with_no_data([&] { answer_structured_reply(option); });
    case option::starttls:
        return with_no_data([&] { refuse(option, rep::err_policy, "this server has no TLS"); });
    default:
        return refuse(option, rep::err_unsup, "this server does not know the option");
    }
}

// The one answer without a header, and without a way to say no but to end the session.
void nbd_handshake::answer_export_name(iscsi::bytes_view name) {
    if (!is_known(text_of(name))) {
        phase_ = phase::aborted;
        return;
    }
    phase_ = phase::transmission;
    message answer;
    answer.add(export_.size).add(transmission_flags_of(export_, structured_replies_));
    if ((*client_flags_ & flag_no_zeroes) == 0)
        answer.add(std::vector<std::byte>(zeroes_after_export_name));
    send(answer);
}

// One export: its entry and the end of the list.
void nbd_handshake::answer_list(std::uint32_t option) {
    message entry;
    entry.add(static_cast<std::uint32_t>(export_.name.size()));
    reply(option, rep::server, entry.add(export_.name).add(export_.description));
    reply(option, rep::ack);
}

void nbd_handshake::answer_info(std::uint32_t option, iscsi::bytes_view data) {
    const auto question = read_question(data);
    if (!question)
        return refuse(option, rep::err_invalid, "the lengths in this option do not fit");
    if (!is_known(question->name))
        return refuse(option, rep::err_unknown, "this server has no export of that name");
    send_infos(option, question->requests);
    reply(option, rep::ack);
    if (option == option::go)
        phase_ = phase::transmission;
}

void nbd_handshake::answer_structured_reply(std::uint32_t option) {
    structured_replies_ = true;
    reply(option, rep::ack);
}

// The block size goes to those who did not ask too: many a client obeys it all the same.
void nbd_handshake::send_infos(std::uint32_t option, iscsi::bytes_view requests) {
    const std::uint16_t flags = transmission_flags_of(export_, structured_replies_);
    reply(option, rep::info, message().add(info::of_export).add(export_.size).add(flags));
    if (asks_for(requests, info::name))
        reply(option, rep::info, message().add(info::name).add(export_.name));
    if (asks_for(requests, info::description) && !export_.description.empty())
        reply(option, rep::info, message().add(info::description).add(export_.description));
    message sizes;
    sizes.add(info::block_size).add(export_.block_size).add(export_.preferred_block_size);
    reply(option, rep::info, sizes.add(export_.largest_request));
}

void nbd_handshake::reply(std::uint32_t option, std::uint32_t type, iscsi::bytes_view data) {
    message whole;
    whole.add(reply_magic).add(option).add(type).add(static_cast<std::uint32_t>(data.size()));
    send(whole.add(data));
}

// The data of an error reply is text for people.
void nbd_handshake::refuse(std::uint32_t option, std::uint32_t type, std::string_view why) {
    reply(option, type, std::as_bytes(std::span(why)));
}

// The empty name is the default export, which here is the only one.
bool nbd_handshake::is_known(std::string_view name) const {
    return name.empty() || name == export_.name;
}

void nbd_handshake::send(iscsi::bytes_view bytes) {
    output_.insert(output_.end(), bytes.begin(), bytes.end());
}

std::uint16_t transmission_flags_of(const nbd_export& what, bool structured_replies) {
    std::uint16_t flags = nbd::has_flags;
    const auto set = [&flags](std::uint16_t flag, bool value) {
        if (value)
            flags |= flag;
    };
    set(nbd::read_only, what.read_only);
    set(nbd::send_flush, what.can_flush);
    set(nbd::send_fua, what.can_fua);
    set(nbd::rotational, what.rotational);
    set(nbd::send_trim, what.can_trim && !what.read_only);
    set(nbd::send_write_zeroes, what.can_write_zeroes && !what.read_only);
    set(nbd::send_df, structured_replies);
    set(nbd::can_multi_conn, what.can_multi_conn);
    return flags;
}

const char* category_name(nbd_errc /*any*/) {
    return "nbd";
}

std::string_view message_of(nbd_errc error) {
    switch (error) {
    case nbd_errc::not_the_protocol:
        return "not the NBD protocol";
    case nbd_errc::option_too_long:
        return "NBD option too long";
    case nbd_errc::too_many_options:
        return "too many NBD options";
    }
    return "unknown NBD error";
}

} // namespace iscsid::disk
