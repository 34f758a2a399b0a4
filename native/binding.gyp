{
  "targets": [
    {
      "target_name": "ktls",
      "conditions": [
        [
          "OS=='linux'",
          {
            "sources": [
              "binding/addon.cc",
              "binding/completion_mailbox.cc",
              "binding/native_file.cc",
              "binding/native_queue.cc",
              "crypto/key_schedule.cc",
              "crypto/record_protection.cc",
              "crypto/secret.cc",
              "crypto/traffic_secret.cc",
              "kernel/file_size.cc",
              "kernel/cork.cc",
              "kernel/kernel_tls.cc",
              "kernel/probe.cc",
              "kernel/spare_descriptor.cc",
              "kernel/system_calls.cc",
              "kernel/unsent_limit.cc",
              "openssl/openssl_api.cc",
              "openssl/openssl_lease.cc",
              "send/acceptance.cc",
              "send/bytes_step.cc",
              "send/control_step.cc",
              "send/detached_thread.cc",
              "send/disk_reader.cc",
              "send/linger.cc",
              "send/outbox.cc",
              "send/page_cache.cc",
              "send/queue_at_once.cc",
              "send/queue_close.cc",
              "send/queue_state.cc",
              "send/queue_turn.cc",
              "send/range_step.cc",
              "send/sender.cc",
              "send/sender_thread.cc",
              "send/socket_queue.cc",
              "session/hand_over.cc",
              "session/key_proof.cc",
              "session/record_log.cc",
              "session/session.cc",
              "session/session_tracker.cc",
            ],
            # As system headers, so that -Werror judges this project's code only.
            "cflags_cc": [
              "-isystem <!(node -p \"require('path').dirname(require.resolve('node-addon-api/napi.h'))\")",
              "-std=c++17",
              "-O2",
              "-Wall",
              "-Wextra",
              "-Werror",
              "-fvisibility=hidden",
            ],
            "cflags_cc!": ["-std=gnu++17", "-std=gnu++20", "-fno-rtti"],
            "defines": ["NAPI_VERSION=9", "NAPI_DISABLE_CPP_EXCEPTIONS", "NODE_ADDON_API_DISABLE_DEPRECATED",
                        # What a Worker that is being terminated refuses ends the call, not the process.
                        "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS"],
            # Loaded in a Worker only, the addon would be unmapped with it while OpenSSL still holds its callbacks.
            "ldflags": [
              "-Wl,-z,nodelete",
              "-Wl,--exclude-libs,ALL",
              "-Wl,--version-script=<(module_root_dir)/exports.map",
              "-pthread",
            ],
          },
          {"type": "none"},
        ]
      ],
    }
  ]
}
