-- What museau recorded of three trainings before version 2 of the tables; the last was killed at work.
-- A dump by Python's sqlite3, in which the host, the folders and the year are others.
BEGIN TRANSACTION;
CREATE TABLE run_artefacts (
    run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    path TEXT NOT NULL,
    kind TEXT NOT NULL,
    size INTEGER NOT NULL,
    blake3 TEXT NOT NULL,
    PRIMARY KEY (run_id, path)
) WITHOUT ROWID;
INSERT INTO "run_artefacts" VALUES(1,'checkpoint.before.safetensors','checkpoint',2014992,'bfae3e0ebc234e54c1e76b349f27843c84c95f2bbdd98280885db4609e3ada49');
INSERT INTO "run_artefacts" VALUES(1,'checkpoint.safetensors','checkpoint',2015720,'145b1168c1094d9632c8df26005b495f19c40bc1e07e88f2ce3ee382312e0b04');
INSERT INTO "run_artefacts" VALUES(1,'curve.html','report',57009,'5d4e20d6ffa1a5782cb7be17c5ce10a766b6f68eee203bb61f286678ed00c0bb');
INSERT INTO "run_artefacts" VALUES(1,'metrics.csv','metrics',602,'99318a7011089b2c4a48692977388caf4bebc7c4e33d0a14d9a56528419fedea');
INSERT INTO "run_artefacts" VALUES(1,'model.museau','package',346056,'55d9ca291d262f730a27f05f7c246ceb35aa1994b91cdb7cc12a775fa2e3f765');
INSERT INTO "run_artefacts" VALUES(1,'model_card.md','card',1998,'798aff6161a360cb49ed9e7092053c5cc917272b68e10fa6e3eb43a73e45a5d4');
INSERT INTO "run_artefacts" VALUES(1,'photos.csv','photos',3338,'37a3fa588a309910afa39d532fab83434e278584f2e76be9998f5d4e2d46258f');
INSERT INTO "run_artefacts" VALUES(1,'recipe.toml','recipe',627,'c70e8c47376dbd77b56811fff429d25feb5559360c2669ea93810733ce041834');
INSERT INTO "run_artefacts" VALUES(1,'run.json','about',330,'c41cfb11dc1c852285a19e30323a3fdc73a2dc1b84b2d8569c7109791b55bec3');
INSERT INTO "run_artefacts" VALUES(2,'checkpoint.before.safetensors','checkpoint',2014992,'7e14af7edf3e9abcc7dc733e735f14b4f0f5489c82e2decc741840edaeefb68d');
INSERT INTO "run_artefacts" VALUES(2,'checkpoint.safetensors','checkpoint',2015728,'6f0c6aa6a527808b89ef25f2892f700617d66d214a97c7ae5fc78a6e5b2e3a55');
INSERT INTO "run_artefacts" VALUES(2,'curve.html','report',50880,'df721f880cfff4f8f2f9bc373032e1f511b214156ddc3df1cdc881cd446cc65c');
INSERT INTO "run_artefacts" VALUES(2,'metrics.csv','metrics',593,'072f3e9efabdf3f627dc2560f717b2a87b3ce096d4a4f1f5a79378d89a40d29a');
INSERT INTO "run_artefacts" VALUES(2,'model.museau','package',346056,'862e759aed0fc506b19e0e1183967427e4d8706526ec4438e93faae568529e95');
INSERT INTO "run_artefacts" VALUES(2,'model_card.md','card',1997,'b1b962f0e3a236a791cae911638cddf37612605107d26a4628323c11ba0027ce');
INSERT INTO "run_artefacts" VALUES(2,'photos.csv','photos',3338,'37a3fa588a309910afa39d532fab83434e278584f2e76be9998f5d4e2d46258f');
INSERT INTO "run_artefacts" VALUES(2,'recipe.toml','recipe',627,'a9dd93a442c9c3906248e02d1a4fde7ce91a1abbae0aaf9ff5ce95e278a53ab8');
INSERT INTO "run_artefacts" VALUES(2,'run.json','about',330,'b46ca2761cccb597c6615d04fc2919bab03a72730ddcc887cd3ed9825bb38a2b');
CREATE TABLE run_environment (
    run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (run_id, name)
) WITHOUT ROWID;
INSERT INTO "run_environment" VALUES(1,'host','kennel');
INSERT INTO "run_environment" VALUES(1,'instructions','avx512');
INSERT INTO "run_environment" VALUES(1,'kept.step','3');
INSERT INTO "run_environment" VALUES(1,'memory.bytes','15378112');
INSERT INTO "run_environment" VALUES(1,'museau','0.1.0');
INSERT INTO "run_environment" VALUES(1,'network.parameters','167842');
INSERT INTO "run_environment" VALUES(1,'photos.train','20');
INSERT INTO "run_environment" VALUES(1,'photos.validation','4');
INSERT INTO "run_environment" VALUES(1,'system','linux x86_64');
INSERT INTO "run_environment" VALUES(1,'threads','1');
INSERT INTO "run_environment" VALUES(2,'host','kennel');
INSERT INTO "run_environment" VALUES(2,'instructions','avx512');
INSERT INTO "run_environment" VALUES(2,'kept.step','5');
INSERT INTO "run_environment" VALUES(2,'memory.bytes','15378112');
INSERT INTO "run_environment" VALUES(2,'museau','0.1.0');
INSERT INTO "run_environment" VALUES(2,'network.parameters','167842');
INSERT INTO "run_environment" VALUES(2,'photos.train','20');
INSERT INTO "run_environment" VALUES(2,'photos.validation','4');
INSERT INTO "run_environment" VALUES(2,'system','linux x86_64');
INSERT INTO "run_environment" VALUES(2,'threads','1');
INSERT INTO "run_environment" VALUES(3,'host','kennel');
INSERT INTO "run_environment" VALUES(3,'instructions','avx512');
INSERT INTO "run_environment" VALUES(3,'memory.bytes','15378112');
INSERT INTO "run_environment" VALUES(3,'museau','0.1.0');
INSERT INTO "run_environment" VALUES(3,'network.parameters','167842');
INSERT INTO "run_environment" VALUES(3,'photos.train','20');
INSERT INTO "run_environment" VALUES(3,'photos.validation','4');
INSERT INTO "run_environment" VALUES(3,'system','linux x86_64');
INSERT INTO "run_environment" VALUES(3,'threads','1');
CREATE TABLE run_metrics (
    metric_id INTEGER PRIMARY KEY,
    run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    name TEXT NOT NULL,
    goal TEXT CHECK (goal IN ('min', 'max')),
    last_step INTEGER,
    last_value REAL,
    best_step INTEGER,
    best_value REAL,
    UNIQUE (run_id, name)
);
INSERT INTO "run_metrics" VALUES(1,1,'loss','min',6,1.25913155078887939453e+00,1,0.834061324596405);
INSERT INTO "run_metrics" VALUES(2,1,'accuracy','max',6,0.75,4,0.8);
INSERT INTO "run_metrics" VALUES(3,1,'val_loss','min',6,6.97063584874202391006e+00,3,2.0962640749060576506e-01);
INSERT INTO "run_metrics" VALUES(4,1,'val_accuracy','max',6,0.5,3,1.0);
INSERT INTO "run_metrics" VALUES(5,1,'rate',NULL,6,9.99999977648258209228e-03,NULL,NULL);
INSERT INTO "run_metrics" VALUES(6,1,'seconds','min',6,0.019,4,0.008);
INSERT INTO "run_metrics" VALUES(7,1,'photos_per_second','max',6,1.05263157894736855268e+03,4,2500.0);
INSERT INTO "run_metrics" VALUES(8,2,'loss','min',6,1.15902113914489746093e+00,1,7.10704445838928222656e-01);
INSERT INTO "run_metrics" VALUES(9,2,'accuracy','max',6,0.85,6,0.85);
INSERT INTO "run_metrics" VALUES(10,2,'val_loss','min',6,1.71686939826106232942e+00,5,1.37284207017591897148e+00);
INSERT INTO "run_metrics" VALUES(11,2,'val_accuracy','max',6,0.75,5,0.75);
INSERT INTO "run_metrics" VALUES(12,2,'rate',NULL,6,9.99999977648258209228e-03,NULL,NULL);
INSERT INTO "run_metrics" VALUES(13,2,'seconds','min',6,0.013,2,0.005);
INSERT INTO "run_metrics" VALUES(14,2,'photos_per_second','max',6,1.53846153846153856645e+03,2,4000.0);
INSERT INTO "run_metrics" VALUES(15,3,'loss','min',NULL,NULL,NULL,NULL);
INSERT INTO "run_metrics" VALUES(16,3,'accuracy','max',NULL,NULL,NULL,NULL);
INSERT INTO "run_metrics" VALUES(17,3,'val_loss','min',NULL,NULL,NULL,NULL);
INSERT INTO "run_metrics" VALUES(18,3,'val_accuracy','max',NULL,NULL,NULL,NULL);
INSERT INTO "run_metrics" VALUES(19,3,'rate',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "run_metrics" VALUES(20,3,'seconds','min',NULL,NULL,NULL,NULL);
INSERT INTO "run_metrics" VALUES(21,3,'photos_per_second','max',NULL,NULL,NULL,NULL);
CREATE TABLE run_parameters (
    run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (run_id, name)
) WITHOUT ROWID;
INSERT INTO "run_parameters" VALUES(1,'augment.margin','1.0');
INSERT INTO "run_parameters" VALUES(1,'augment.steps','');
INSERT INTO "run_parameters" VALUES(1,'data.classes','');
INSERT INTO "run_parameters" VALUES(1,'data.seed','1');
INSERT INTO "run_parameters" VALUES(1,'data.source','/home/ada/set');
INSERT INTO "run_parameters" VALUES(1,'data.validation','0.2');
INSERT INTO "run_parameters" VALUES(1,'input.filter','bilinear');
INSERT INTO "run_parameters" VALUES(1,'input.size','24');
INSERT INTO "run_parameters" VALUES(1,'input.views','stretch');
INSERT INTO "run_parameters" VALUES(1,'model.activation','relu');
INSERT INTO "run_parameters" VALUES(1,'model.batch_norm','true');
INSERT INTO "run_parameters" VALUES(1,'model.dropout','0.3');
INSERT INTO "run_parameters" VALUES(1,'model.filters','[32, 64, 128]');
INSERT INTO "run_parameters" VALUES(1,'model.freeze','');
INSERT INTO "run_parameters" VALUES(1,'model.global_pooling','false');
INSERT INTO "run_parameters" VALUES(1,'model.kernels','[3]');
INSERT INTO "run_parameters" VALUES(1,'model.network','lenet');
INSERT INTO "run_parameters" VALUES(1,'model.units','64');
INSERT INTO "run_parameters" VALUES(1,'optimizer.decay_kernels_only','false');
INSERT INTO "run_parameters" VALUES(1,'optimizer.name','adam');
INSERT INTO "run_parameters" VALUES(1,'optimizer.rate','0.01');
INSERT INTO "run_parameters" VALUES(1,'preprocess.steps','');
INSERT INTO "run_parameters" VALUES(1,'schedule.name','constant');
INSERT INTO "run_parameters" VALUES(1,'train.accumulate','1');
INSERT INTO "run_parameters" VALUES(1,'train.batch','32');
INSERT INTO "run_parameters" VALUES(1,'train.checkpoint_seconds','30.0');
INSERT INTO "run_parameters" VALUES(1,'train.class_weights','none');
INSERT INTO "run_parameters" VALUES(1,'train.epochs','6');
INSERT INTO "run_parameters" VALUES(1,'train.label_smoothing','0.0');
INSERT INTO "run_parameters" VALUES(1,'train.monitor','val_loss');
INSERT INTO "run_parameters" VALUES(1,'train.name','first');
INSERT INTO "run_parameters" VALUES(1,'train.restore_best','true');
INSERT INTO "run_parameters" VALUES(1,'train.seed','1');
INSERT INTO "run_parameters" VALUES(2,'augment.margin','1.0');
INSERT INTO "run_parameters" VALUES(2,'augment.steps','');
INSERT INTO "run_parameters" VALUES(2,'data.classes','');
INSERT INTO "run_parameters" VALUES(2,'data.seed','1');
INSERT INTO "run_parameters" VALUES(2,'data.source','/home/ada/set');
INSERT INTO "run_parameters" VALUES(2,'data.validation','0.2');
INSERT INTO "run_parameters" VALUES(2,'input.filter','bilinear');
INSERT INTO "run_parameters" VALUES(2,'input.size','24');
INSERT INTO "run_parameters" VALUES(2,'input.views','stretch');
INSERT INTO "run_parameters" VALUES(2,'model.activation','relu');
INSERT INTO "run_parameters" VALUES(2,'model.batch_norm','true');
INSERT INTO "run_parameters" VALUES(2,'model.dropout','0.3');
INSERT INTO "run_parameters" VALUES(2,'model.filters','[32, 64, 128]');
INSERT INTO "run_parameters" VALUES(2,'model.freeze','');
INSERT INTO "run_parameters" VALUES(2,'model.global_pooling','false');
INSERT INTO "run_parameters" VALUES(2,'model.kernels','[3]');
INSERT INTO "run_parameters" VALUES(2,'model.network','lenet');
INSERT INTO "run_parameters" VALUES(2,'model.units','64');
INSERT INTO "run_parameters" VALUES(2,'optimizer.decay_kernels_only','false');
INSERT INTO "run_parameters" VALUES(2,'optimizer.name','adam');
INSERT INTO "run_parameters" VALUES(2,'optimizer.rate','0.01');
INSERT INTO "run_parameters" VALUES(2,'preprocess.steps','');
INSERT INTO "run_parameters" VALUES(2,'schedule.name','constant');
INSERT INTO "run_parameters" VALUES(2,'train.accumulate','1');
INSERT INTO "run_parameters" VALUES(2,'train.batch','32');
INSERT INTO "run_parameters" VALUES(2,'train.checkpoint_seconds','30.0');
INSERT INTO "run_parameters" VALUES(2,'train.class_weights','none');
INSERT INTO "run_parameters" VALUES(2,'train.epochs','6');
INSERT INTO "run_parameters" VALUES(2,'train.label_smoothing','0.0');
INSERT INTO "run_parameters" VALUES(2,'train.monitor','val_loss');
INSERT INTO "run_parameters" VALUES(2,'train.name','first');
INSERT INTO "run_parameters" VALUES(2,'train.restore_best','true');
INSERT INTO "run_parameters" VALUES(2,'train.seed','2');
INSERT INTO "run_parameters" VALUES(3,'augment.margin','1.0');
INSERT INTO "run_parameters" VALUES(3,'augment.steps','');
INSERT INTO "run_parameters" VALUES(3,'data.classes','');
INSERT INTO "run_parameters" VALUES(3,'data.seed','1');
INSERT INTO "run_parameters" VALUES(3,'data.source','/home/ada/set');
INSERT INTO "run_parameters" VALUES(3,'data.validation','0.2');
INSERT INTO "run_parameters" VALUES(3,'input.filter','bilinear');
INSERT INTO "run_parameters" VALUES(3,'input.size','24');
INSERT INTO "run_parameters" VALUES(3,'input.views','stretch');
INSERT INTO "run_parameters" VALUES(3,'model.activation','relu');
INSERT INTO "run_parameters" VALUES(3,'model.batch_norm','true');
INSERT INTO "run_parameters" VALUES(3,'model.dropout','0.3');
INSERT INTO "run_parameters" VALUES(3,'model.filters','[32, 64, 128]');
INSERT INTO "run_parameters" VALUES(3,'model.freeze','');
INSERT INTO "run_parameters" VALUES(3,'model.global_pooling','false');
INSERT INTO "run_parameters" VALUES(3,'model.kernels','[3]');
INSERT INTO "run_parameters" VALUES(3,'model.network','lenet');
INSERT INTO "run_parameters" VALUES(3,'model.units','64');
INSERT INTO "run_parameters" VALUES(3,'optimizer.decay_kernels_only','false');
INSERT INTO "run_parameters" VALUES(3,'optimizer.name','adam');
INSERT INTO "run_parameters" VALUES(3,'optimizer.rate','0.01');
INSERT INTO "run_parameters" VALUES(3,'preprocess.steps','');
INSERT INTO "run_parameters" VALUES(3,'schedule.name','constant');
INSERT INTO "run_parameters" VALUES(3,'train.accumulate','1');
INSERT INTO "run_parameters" VALUES(3,'train.batch','32');
INSERT INTO "run_parameters" VALUES(3,'train.checkpoint_seconds','30.0');
INSERT INTO "run_parameters" VALUES(3,'train.class_weights','none');
INSERT INTO "run_parameters" VALUES(3,'train.epochs','3000');
INSERT INTO "run_parameters" VALUES(3,'train.label_smoothing','0.0');
INSERT INTO "run_parameters" VALUES(3,'train.monitor','val_loss');
INSERT INTO "run_parameters" VALUES(3,'train.name','second');
INSERT INTO "run_parameters" VALUES(3,'train.restore_best','true');
INSERT INTO "run_parameters" VALUES(3,'train.seed','3');
CREATE TABLE run_points (
    metric_id INTEGER NOT NULL REFERENCES run_metrics ON DELETE CASCADE,
    step INTEGER NOT NULL,
    value REAL,
    PRIMARY KEY (metric_id, step)
) WITHOUT ROWID;
INSERT INTO "run_points" VALUES(1,1,0.834061324596405);
INSERT INTO "run_points" VALUES(1,2,8.4616718292236328125e+00);
INSERT INTO "run_points" VALUES(1,3,3.91432929039001464843e+00);
INSERT INTO "run_points" VALUES(1,4,1.29848968982696533203e+00);
INSERT INTO "run_points" VALUES(1,5,1.76261591911315917968e+00);
INSERT INTO "run_points" VALUES(1,6,1.25913155078887939453e+00);
INSERT INTO "run_points" VALUES(2,1,0.5);
INSERT INTO "run_points" VALUES(2,2,0.5);
INSERT INTO "run_points" VALUES(2,3,0.6);
INSERT INTO "run_points" VALUES(2,4,0.8);
INSERT INTO "run_points" VALUES(2,5,0.65);
INSERT INTO "run_points" VALUES(2,6,0.75);
INSERT INTO "run_points" VALUES(3,1,2.02422697163514708762e+00);
INSERT INTO "run_points" VALUES(3,2,1.6593357816626301826e+00);
INSERT INTO "run_points" VALUES(3,3,2.0962640749060576506e-01);
INSERT INTO "run_points" VALUES(3,4,3.60899561621774589426e+00);
INSERT INTO "run_points" VALUES(3,5,7.06431267715462940515e+00);
INSERT INTO "run_points" VALUES(3,6,6.97063584874202391006e+00);
INSERT INTO "run_points" VALUES(4,1,0.5);
INSERT INTO "run_points" VALUES(4,2,0.5);
INSERT INTO "run_points" VALUES(4,3,1.0);
INSERT INTO "run_points" VALUES(4,4,0.5);
INSERT INTO "run_points" VALUES(4,5,0.5);
INSERT INTO "run_points" VALUES(4,6,0.5);
INSERT INTO "run_points" VALUES(5,1,9.99999977648258209228e-03);
INSERT INTO "run_points" VALUES(5,2,9.99999977648258209228e-03);
INSERT INTO "run_points" VALUES(5,3,9.99999977648258209228e-03);
INSERT INTO "run_points" VALUES(5,4,9.99999977648258209228e-03);
INSERT INTO "run_points" VALUES(5,5,9.99999977648258209228e-03);
INSERT INTO "run_points" VALUES(5,6,9.99999977648258209228e-03);
INSERT INTO "run_points" VALUES(6,1,0.052);
INSERT INTO "run_points" VALUES(6,2,0.011);
INSERT INTO "run_points" VALUES(6,3,0.021);
INSERT INTO "run_points" VALUES(6,4,0.008);
INSERT INTO "run_points" VALUES(6,5,0.02);
INSERT INTO "run_points" VALUES(6,6,0.019);
INSERT INTO "run_points" VALUES(7,1,3.84615384615384641609e+02);
INSERT INTO "run_points" VALUES(7,2,1.81818181818181824373e+03);
INSERT INTO "run_points" VALUES(7,3,9.52380952380952294344e+02);
INSERT INTO "run_points" VALUES(7,4,2500.0);
INSERT INTO "run_points" VALUES(7,5,1000.0);
INSERT INTO "run_points" VALUES(7,6,1.05263157894736855268e+03);
INSERT INTO "run_points" VALUES(8,1,7.10704445838928222656e-01);
INSERT INTO "run_points" VALUES(8,2,2.60266323089599609379e+01);
INSERT INTO "run_points" VALUES(8,3,3.67692852020263671875e+00);
INSERT INTO "run_points" VALUES(8,4,3.03900694847106933593e+00);
INSERT INTO "run_points" VALUES(8,5,1.98301517963409423828e+00);
INSERT INTO "run_points" VALUES(8,6,1.15902113914489746093e+00);
INSERT INTO "run_points" VALUES(9,1,0.6);
INSERT INTO "run_points" VALUES(9,2,0.5);
INSERT INTO "run_points" VALUES(9,3,0.55);
INSERT INTO "run_points" VALUES(9,4,0.65);
INSERT INTO "run_points" VALUES(9,5,0.6);
INSERT INTO "run_points" VALUES(9,6,0.85);
INSERT INTO "run_points" VALUES(10,1,4.41957691739873);
INSERT INTO "run_points" VALUES(10,2,1.95434023084283614579e+00);
INSERT INTO "run_points" VALUES(10,3,5.38547576710205);
INSERT INTO "run_points" VALUES(10,4,3.78809510022389650529e+00);
INSERT INTO "run_points" VALUES(10,5,1.37284207017591897148e+00);
INSERT INTO "run_points" VALUES(10,6,1.71686939826106232942e+00);
INSERT INTO "run_points" VALUES(11,1,0.5);
INSERT INTO "run_points" VALUES(11,2,0.5);
INSERT INTO "run_points" VALUES(11,3,0.5);
INSERT INTO "run_points" VALUES(11,4,0.5);
INSERT INTO "run_points" VALUES(11,5,0.75);
INSERT INTO "run_points" VALUES(11,6,0.75);
INSERT INTO "run_points" VALUES(12,1,9.99999977648258209228e-03);
INSERT INTO "run_points" VALUES(12,2,9.99999977648258209228e-03);
INSERT INTO "run_points" VALUES(12,3,9.99999977648258209228e-03);
INSERT INTO "run_points" VALUES(12,4,9.99999977648258209228e-03);
INSERT INTO "run_points" VALUES(12,5,9.99999977648258209228e-03);
INSERT INTO "run_points" VALUES(12,6,9.99999977648258209228e-03);
INSERT INTO "run_points" VALUES(13,1,0.016);
INSERT INTO "run_points" VALUES(13,2,0.005);
INSERT INTO "run_points" VALUES(13,3,0.012);
INSERT INTO "run_points" VALUES(13,4,0.01);
INSERT INTO "run_points" VALUES(13,5,0.015);
INSERT INTO "run_points" VALUES(13,6,0.013);
INSERT INTO "run_points" VALUES(14,1,1250.0);
INSERT INTO "run_points" VALUES(14,2,4000.0);
INSERT INTO "run_points" VALUES(14,3,1.66666666666666674241e+03);
INSERT INTO "run_points" VALUES(14,4,2000.0);
INSERT INTO "run_points" VALUES(14,5,1.33333333333333348494e+03);
INSERT INTO "run_points" VALUES(14,6,1.53846153846153856645e+03);
CREATE TABLE runs (
    run_id INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('running', 'complete', 'failed', 'interrupted')),
    started INTEGER NOT NULL,
    ended INTEGER,
    spent INTEGER NOT NULL DEFAULT 0,
    heartbeat INTEGER NOT NULL,
    writer INTEGER NOT NULL,
    seed TEXT,
    folder TEXT
);
INSERT INTO "runs" VALUES(1,'4eea70fde7dc','first-seed1','train','complete',1700037922356,1700037923559,1203,1700037923559,7408303244983543108,'1','/home/ada/runs/first-seed1');
INSERT INTO "runs" VALUES(2,'d9118351abb4','first-seed2','train','complete',1700037923560,1700037924304,744,1700037924304,-3446290737900776677,'2','/home/ada/runs/first-seed2');
INSERT INTO "runs" VALUES(3,'5e7049e7dbbd','second-seed3','train','running',1700037945580,NULL,400,1700037945980,4341624247776349153,'3','/home/ada/runs2');
CREATE TABLE runs_schema (version INTEGER PRIMARY KEY) WITHOUT ROWID;
INSERT INTO "runs_schema" VALUES(1);
COMMIT;