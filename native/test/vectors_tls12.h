// TLS 1.2 sessions captured on a loopback connection between two OpenSSLs (3.0.19, throw-away keys): what the
// key log said, and the first encrypted records of both directions as they were on the wire. Number 0 is Finished.
#pragma once

#include "../kernel/kernel_tls.h"

namespace ktls::test {

struct Tls12Session {
  const char* suite;
  Cipher cipher;
  const char* digest;
  const char* master_secret;
  const char* client_random;
  const char* server_random;
  const char* server_records[3];  // Finished, application data, application data
  const char* client_records[3];  // Finished, application data, close_notify
};

constexpr Tls12Session kTls12Sessions[] = {
    {"ECDHE-ECDSA-AES128-GCM-SHA256",
     Cipher::kAes128Gcm,
     "SHA256",
     "2d257490e11c853a2f8374138d5effa55e3ff2321ba02477ee43bea923c2a248543db64442e67477be01ef0c337f8403",
     "41ff63f9c6ca376bd545f49c43ecb29a166e255e2eba35724bd86f0583650bcf",
     "f7a76ea8eccf39c6f0be894f2cca9bf424d2693ce321d098ad0c8ebe97a23f80",
     {"160303002872e7eb29b06bb60f929586562dbe4d374a5f766254255ceeb008c8604c370aec89c3e4ac21db99aa",
      "170303003a72e7eb29b06bb610777670dcf68c6171b0b799ef1ff63958233a7d01e3d07138fd80f40d2de40dcd959096"
      "fc9eed5a7c4e32e5a27a709afdaab4",
      "170303002f72e7eb29b06bb6117fd1a8e8a749da71853f2dc671c0ca1fb0290b23690112e6fbc3b805048508ba3373b3"
      "cf229bd4"},
     {"1603030028f558a61ac5368f0707feda0d0c2fd195d0710cdd8d4e5a5dfb34d795ce352d9eabefe829f75f0a2c",
      "170303002af558a61ac5368f08e4081403053d7e2abe3b07e6a80fdeb2aad8d49b16bd74e66e67c18d572a81fe78d3",
      "150303001af558a61ac5368f09308e4173c5a7d6d4f14b75295b7351b70f57"}},
    {"ECDHE-ECDSA-AES256-GCM-SHA384",
     Cipher::kAes256Gcm,
     "SHA384",
     "0d3b90fb984db8c422549b86835d82269b795e73879b0300458248307e02913d9c2008630f4c06ca0cd78e44307d3be9",
     "a15fa9e60a6db20d947d2bfc2891985764e069cd88d26d357cd787de79ae3aae",
     "68ee2bcf31664bda84e37e437e19d628eabe2ea91819d649f5739a9971bd19de",
     {"1603030028ed89857d21e3dbca844c47f4ad8fc88daa2f3ee0463e4d4eba62a5554b8f52399e4c73cd6371caa3",
      "170303003aed89857d21e3dbcbf4a6c99327982952f9c356f7daba4a2f5b2feb10ca45e024217428a22d477ab2f12775"
      "56c9e6724ef86ad11916f3d4772cd5",
      "170303002fed89857d21e3dbccf2834f000ce36c66f2c9096089edf7be592428da07b8155a19030875a1153d85fcb0dc"
      "80c7c4fe"},
     {"160303002834cf2def602e748ffb6648cc57b9775a0062d42f277e4a3cc8515548007d02bf1dfc817cdb10aaff",
      "170303002a34cf2def602e7490d460ff74f03e463941ac4d6b7edec81d52a02e035556b4eb9362b1bad3d0be68bc72",
      "150303001a34cf2def602e749116697a74c180a5c54e348751352fa7f38d10"}},
    {"ECDHE-ECDSA-CHACHA20-POLY1305",
     Cipher::kChaCha20Poly1305,
     "SHA256",
     "b2af9bb8e84f42b526afeed4783de93265f63ea377504dcc60bb1259f631e51d185e2d82df8a32b4edd7fa3ff42dac20",
     "4f78d9253cf4d63e879b0aedc4ad72060e3d310a1380b20bde26477348a4bcb4",
     "35bb9e11f716b42f2c79c1bae9389e7390ad91f8147255dc1a14e651834b916a",
     {"160303002096d14699699eab2e58c58030e870f8bb1f28edbcdd027e91a466124f1928ceb4",
      "1703030032fb7e65ce8dbe334c70f40ea9da4dc7cb74e0a9c42cfee175a258dbfe2f50240ac0f7b1b8441c534b7fa8c1"
      "7e40852e866f20",
      "1703030027f481df52b25b58a473356037f5418cbd96a9bf0bcc4c2f3e4331301fd09f04c5f54b4af8097a9c"},
     {"1603030020c5b8def04e8feb062a859505a63ec9fd6a39de832da5323a1c7b0689f0e1dd33",
      "17030300222c54af0fcf6d5cb34a8d44b52915e845b4ce167baae36179b08a3ee4e23f905d3553",
      "15030300126ea7f180c2d827c750c3b571b3839539cd09"}},
};

}  // namespace ktls::test
